"""Hard quotas by real kernels' file systems: who is beyond is refused, and nobody else."""

import subprocess
from pathlib import Path

import pytest

from tests.system import kernel

_PROGRAMS = ("/usr/sbin/setquota", "/usr/sbin/mkfs.xfs", "/usr/sbin/mkfs.ext4")
_WHY_NOT = kernel.why_not() or next(
    (f"{name} is not installed" for name in _PROGRAMS if not Path(name).exists()), ""
)

pytestmark = [pytest.mark.system, pytest.mark.skipif(bool(_WHY_NOT), reason=_WHY_NOT)]


def disk(path, size, *command):
    with path.open("wb") as file:
        file.truncate(size << 20)
    subprocess.run([*command, path], check=True, capture_output=True)
    return path


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    top = tmp_path_factory.mktemp("disks")
    ext4 = ("/usr/sbin/mkfs.ext4", "-q", "-F")
    disks = [
        disk(top / "ext4", 64, *ext4, "-O", "quota"),
        disk(top / "xfs", 320, "/usr/sbin/mkfs.xfs", "-q"),
        # Quotas are asked for, and nobody has turned them on: quotaon(8).
        disk(top / "off", 64, *ext4),
        disk(top / "plain", 32, *ext4),
    ]
    return kernel.run("tests.system.kernel_quotas", disks)


@pytest.mark.parametrize("kind", ["ext4", "xfs"])
def test_who_is_beyond_its_hard_quota_is_refused_and_the_neighbour_goes_on(found, kind):
    about = found[kind]
    assert about["why_not"] == ""
    assert about["none"] == {"changed": 2, "anna": "", "bert": ""}
    assert about["before"] == ""
    assert about["set"] == {"changed": 1, "anna": "", "bert": ""}
    assert about["beyond"] == "Disk quota exceeded"
    assert about["neighbour"] == ""
    assert "quota" not in about["problem"]


@pytest.mark.parametrize("kind", ["ext4", "xfs"])
def test_a_hard_quota_is_set_once_shown_where_it_differs_raised_and_lifted(found, kind):
    about = found[kind]
    assert about["again"] == {"changed": 0, "anna": ""}
    assert about["same"] == []
    assert about["drift"] == [["5 MiB", "7 MiB"]]
    assert about["raised"] == {"changed": 1, "anna": ""}
    assert about["within"] == ""
    assert about["by hand"] == [["1 MiB", "20 MiB"]]
    assert about["settled"] == []
    assert about["lifted"] == {"changed": 1, "anna": ""}
    assert about["unlimited"] == ""


def test_where_quotas_are_not_turned_on_who_wants_one_fails_and_the_neighbour_does_not(found):
    about = found["off"]
    assert about["set"]["bert"] == ""
    assert "quota" in about["set"]["anna"]
    assert "quota" in about["problem"]
    assert about["mended"] == {"changed": 2, "anna": "", "bert": ""}
    assert (about["beyond then"], about["neighbour then"]) == ("Disk quota exceeded", "")


def test_a_node_without_quotas_says_why_and_fails_nobody(found):
    about = found["plain"]
    assert "without the option usrquota" in about["why_not"]
    assert about["set"] == {"changed": 2, "anna": "", "bert": ""}
    assert (about["beyond"], about["differs"]) == ("", [])
    assert "quota" not in about["problem"]
