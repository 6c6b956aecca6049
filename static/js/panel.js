// Comfort only: every page works without this script.
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const one = (selector, root = document) => root.querySelector(selector);
const named = (id) => document.getElementById(id);
const grouped = (number) => number.toLocaleString(document.documentElement.lang);

// Lists: select the page, then all that match; say how many are selected.
const bulk = named("bulk");
if (bulk) {
  const rows = all('[name="ids"]', bulk);
  const page = one("[data-select-page]", bulk);
  const every = one("[data-select-all]", bulk);
  const told = one("[data-selected]");
  const count = () => {
    const n = rows.filter((row) => row.checked).length;
    const whole = n > 0 && n === rows.length;
    if (page) {
      page.checked = whole;
      page.indeterminate = n > 0 && !whole;
    }
    if (every) {
      every.checked &&= whole;
      every.closest(".select-all").classList.toggle("is-offered", whole);
    }
    if (!told) return;
    const { one: single, many, all: whatever } = told.dataset;
    told.hidden = n === 0;
    told.textContent = every?.checked ? whatever : n === 1 ? single : many.replace("{n}", n);
  };
  bulk.addEventListener("change", (event) => {
    if (event.target === page) rows.forEach((row) => (row.checked = page.checked));
    count();
  });
  // The browser restores ticks when one goes back; they count too.
  addEventListener("pageshow", count);
}

// "/" and Ctrl-K go to the search; Escape and a click elsewhere close menus.
const close = (menu) => (menu.open = false);
document.addEventListener("keydown", (event) => {
  const control = event.ctrlKey || event.metaKey;
  const typing = event.target.closest("input, textarea, select");
  if (control ? event.key === "k" : event.key === "/" && !typing && !event.altKey) {
    const find = all('[data-find], [type="search"]').find((field) => field.offsetParent);
    if (!find) return;
    event.preventDefault();
    find.focus();
    find.select();
  } else if (event.key === "Escape") {
    const open = one("details.menu[open]");
    if (!open) return;
    close(open);
    one("summary", open).focus();
  }
});
document.addEventListener("click", ({ target }) => {
  all("details.menu[open]").filter((menu) => !menu.contains(target)).forEach(close);
});

// Asks `url`, ever slower, until `use` answers true.
const poll = (url, use, wait = 1000) => {
  setTimeout(async () => {
    try {
      const answer = document.hidden || (await fetch(url));
      // Not let in, or nothing there any more.
      if (answer.redirected || /40[34]/.test(answer.status)) return;
      if (answer.ok && use(await answer.json())) return;
    } catch {
      // The panel restarts, or the network is away: ask again.
    }
    poll(url, use, Math.min(wait * 1.3, 8000));
  }, wait);
};

const run = one("[data-run]");
if (run) {
  poll(run.dataset.run, (now) => {
    if (now.finished) location.reload();
    const show = (part, text) => (one(`[data-run-${part}]`, run).textContent = text);
    one("progress", run).value = now.percent;
    show("percent", `${Math.floor(now.percent)} %`);
    show("done", grouped(now.done));
    show("total", grouped(now.total));
    if (now.label) show("state", now.label);
    return now.finished;
  });
}

// Elements with one address share its answer: {text, class, done}, or such a one by data-poll-key.
const polled = all("[data-poll]");
new Set(polled.map((element) => element.dataset.poll)).forEach((url) => {
  const asking = polled.filter((element) => element.dataset.poll === url);
  poll(url, (answer) => {
    const states = asking.map((element) => {
      const key = element.dataset.pollKey;
      const now = (key ? answer[key] : answer) ?? { done: true };
      if (now.text && now.text !== element.textContent) element.textContent = now.text;
      if (now.class) element.className = now.class;
      return now.done;
    });
    return states.every(Boolean);
  });
});

// An answer is on its way: look again soon.
all("[data-reload]").forEach((element) => setTimeout(() => location.reload(), element.dataset.reload));

// Copy, reveal, generate. The buttons come hidden: without script (or TLS, to copy) they are dead.
const copying = navigator.clipboard ? "[data-copy], [data-copy-for], " : "";
all(`${copying}[data-reveal-for], [data-generate-for]`).forEach((button) => (button.hidden = false));
const reveal = (id, shown) => {
  named(id).type = shown ? "text" : "password";
  all(`[data-reveal-for="${id}"]`).forEach((button) => button.setAttribute("aria-pressed", shown));
};
// 64 signs: a byte chooses evenly.
const SIGNS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
const generate = () =>
  [...crypto.getRandomValues(new Uint8Array(20))].map((byte) => SIGNS[byte % 64]).join("");
document.addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const { revealFor, generateFor, copyFor, copy } = button.dataset;
  if (revealFor) reveal(revealFor, named(revealFor).type === "password");
  if (generateFor) {
    const password = generate();
    generateFor.split(" ").filter(named).forEach((id) => {
      named(id).value = password;
      reveal(id, true);
    });
  }
  const text = copyFor ? named(copyFor).value : copy;
  if (text) {
    await navigator.clipboard.writeText(text);
    button.classList.add("is-done");
    setTimeout(() => button.classList.remove("is-done"), 1500);
  }
});

// A form is sent once. A wrong number is told before anything is sent.
document.addEventListener("submit", (event) => {
  const form = event.target;
  const typed = one("[data-type-number]", form);
  if (typed && typed.value.trim() !== typed.dataset.typeNumber) {
    event.preventDefault();
    typed.setCustomValidity(typed.dataset.wrong);
    typed.reportValidity();
    typed.oninput = () => typed.setCustomValidity("");
  } else if (form.method === "post") {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  }
});
addEventListener("pageshow", () => all("[data-sent]").forEach((form) => delete form.dataset.sent));
