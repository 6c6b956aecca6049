// Comfort only: every page works without this script.
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const one = (selector, root = document) => root.querySelector(selector);
const grouped = (number) => number.toLocaleString(document.documentElement.lang || undefined);

// Lists: select the page, then all that match; say how many are selected.
const bulk = one("#bulk");
if (bulk) {
  const rows = all('[name="ids"]', bulk);
  const page = one("[data-select-page]", bulk);
  const every = one("[data-select-all]", bulk);
  const told = one("[data-selected]");
  const count = () => {
    const n = rows.filter((row) => row.checked).length;
    const whole = rows.length > 0 && n === rows.length;
    if (page) {
      page.checked = whole;
      page.indeterminate = n > 0 && !whole;
    }
    if (every) {
      if (!whole) every.checked = false;
      every.closest(".select-all").classList.toggle("is-offered", whole);
    }
    if (!told) return;
    told.hidden = n === 0;
    const { one: single, many, all: whatever } = told.dataset;
    told.textContent = every?.checked ? whatever : n === 1 ? single : many.replace("{n}", n);
  };
  page?.addEventListener("change", () => {
    rows.forEach((row) => (row.checked = page.checked));
    count();
  });
  bulk.addEventListener("change", count);
  // The browser restores ticks when one goes back; they count too.
  addEventListener("pageshow", count);
  count();
}

// "/" and Ctrl-K go to the search; Escape and a click elsewhere close menus.
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
  const slash = event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey;
  if (slash || (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey))) {
    const find = all('[data-find], [type="search"]').find((field) => field.offsetParent);
    if (!find) return;
    event.preventDefault();
    find.focus();
    find.select();
  } else if (event.key === "Escape") {
    const open = all("details.menu[open]").pop();
    if (!open) return;
    open.open = false;
    one("summary", open).focus();
  }
});
document.addEventListener("click", (event) => {
  all("details.menu[open]").forEach((menu) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
});

// Asks `url` again and again, slower when nothing changes, until `use` answers true.
const poll = (url, use) => {
  let wait = 1000;
  const ask = async () => {
    try {
      const answer = document.hidden || (await fetch(url));
      // Redirected means logged out, and 404 that there is nothing more to see.
      if (answer.redirected || answer.status === 404) return;
      if (answer.ok && use(await answer.json())) return;
    } catch {
      // The panel restarts, or the network is away: ask again.
    }
    wait = Math.min(wait * 1.3, 8000);
    setTimeout(ask, wait);
  };
  setTimeout(ask, wait);
};

const run = one("[data-run]");
if (run) {
  poll(run.dataset.run, (now) => {
    if (now.finished) {
      location.reload();
      return true;
    }
    one("progress", run).value = now.percent;
    one("[data-run-percent]", run).textContent = `${Math.floor(now.percent)} %`;
    one("[data-run-done]", run).textContent = grouped(now.done);
    one("[data-run-total]", run).textContent = grouped(now.total);
    if (now.label) one("[data-run-state]", run).textContent = now.label;
    return false;
  });
}

// Elements that share an address share a question: {text, class, done}, or one such for each data-poll-key.
const polled = all("[data-poll]");
new Set(polled.map((element) => element.dataset.poll)).forEach((url) => {
  const asking = polled.filter((element) => element.dataset.poll === url);
  poll(url, (answer) => {
    const states = asking.map((element) => {
      const key = element.dataset.pollKey;
      const now = (key ? answer[key] : answer) || { done: true };
      if (now.text && now.text !== element.textContent) element.textContent = now.text;
      if (now.class) element.className = now.class;
      return now.done;
    });
    return states.every(Boolean);
  });
});

// Copy, reveal, generate. The buttons come hidden: without script they could do nothing.
const field = (name) => document.getElementById(name);
// Copying needs a secure context, too.
const copying = navigator.clipboard ? "[data-copy], [data-copy-for], " : "";
all(`${copying}[data-reveal-for], [data-generate-for]`).forEach((button) => (button.hidden = false));
const reveal = (name, shown) => {
  field(name).type = shown ? "text" : "password";
  all(`[data-reveal-for="${name}"]`).forEach((button) => button.setAttribute("aria-pressed", shown));
};
// No 0 and O, 1 and l: people read these out on the telephone.
const LETTERS = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789-_.+";
const generate = (length = 20) => {
  let password = "";
  while (password.length < length) {
    const [byte] = crypto.getRandomValues(new Uint8Array(1));
    if (byte < 256 - (256 % LETTERS.length)) password += LETTERS[byte % LETTERS.length];
  }
  return password;
};
document.addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const data = button.dataset;
  if (data.revealFor) reveal(data.revealFor, field(data.revealFor).type === "password");
  if (data.generateFor) {
    const password = generate();
    data.generateFor.split(" ").forEach((name) => {
      field(name).value = password;
      field(name).dispatchEvent(new Event("input", { bubbles: true }));
      reveal(name, true);
    });
  }
  const text = data.copyFor ? field(data.copyFor).value : data.copy;
  if (text) {
    await navigator.clipboard.writeText(text);
    button.classList.add("is-done");
    setTimeout(() => button.classList.remove("is-done"), 1500);
  }
});

// A form is sent once. The wrong number is said at the field, before anything is sent.
document.addEventListener("submit", (event) => {
  const form = event.target;
  const typed = one("[data-type-number]", form);
  if (typed && typed.value.trim() !== typed.dataset.typeNumber) {
    event.preventDefault();
    typed.setCustomValidity(typed.dataset.wrong);
    typed.reportValidity();
    typed.addEventListener("input", () => typed.setCustomValidity(""), { once: true });
  } else if (form.method === "post") {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  }
});
addEventListener("pageshow", () => all("[data-sent]").forEach((form) => delete form.dataset.sent));
