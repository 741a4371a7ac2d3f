"""Fetching against a bad network: the right file or a clear error, and never a bad file in the cache."""

import errno
import hashlib
import importlib.util
import os
import pickle
import shutil
import signal
import subprocess
import time
from email.utils import formatdate
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
from faulty_server import Answer, FaultyServer, closed_port, start_fetch, wait_for_part

from analysis import downloading
from analysis.datafile import DataFile
from analysis.downloading import Patience
from analysis.fetching import FetchError, cache_folder, fetch_all, located, located_all, place

ROOT = Path(__file__).resolve().parents[1]
GOOD = bytes(range(256)) * 600  # several chunks
QUICK = Patience(tries=3, timeout=2.0, pause=0.01, longest_pause=1.5)


@pytest.fixture
def server():
    with FaultyServer().running() as running:
        yield running


@pytest.fixture
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("ANALYSIS_DATA_DIR", str(folder))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return folder


def entry(url, content=GOOD, path="dataset/table.tsv"):
    return DataFile("table", path, len(content), hashlib.sha256(content).hexdigest(), url)


def files_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def fails(file, match, patience=QUICK):
    """The fetch fails with a message that says all that is needed, and leaves the cache as it was."""
    before = {name: (cache_folder() / name).read_bytes() for name in files_in(cache_folder())}
    with pytest.raises(FetchError, match=match) as caught:
        located(file, patience=patience)
    message = str(caught.value)
    for needed in (file.url, file.sha256, f"{file.bytes:,} bytes", str(place(file)), "ANALYSIS_DATA_DIR"):
        assert needed in message
    assert {name: (cache_folder() / name).read_bytes() for name in files_in(cache_folder())} == before
    return message


# What should work


def test_a_file_is_downloaded_once_and_verified(server, cache):
    file = entry(server.plan("/a", Answer(GOOD)))
    path = located(file, patience=QUICK)
    assert path == cache / "dataset/table.tsv"
    assert path.read_bytes() == GOOD
    assert located(file) == path
    assert files_in(cache) == ["dataset/table.tsv"]
    assert len(server.requests) == 1


def test_the_request_names_the_reader_and_asks_for_the_bytes_as_they_are(server, cache):
    located(entry(server.plan("/a", Answer(GOOD))), patience=QUICK)
    _, _, headers = server.requests[0]
    assert headers["User-Agent"].startswith("botox-gut-evidence")
    assert headers["Accept-Encoding"] == "identity"


def test_an_empty_file_is_a_file(server, cache):
    assert located(entry(server.plan("/a", Answer(b"")), b""), patience=QUICK).read_bytes() == b""


@pytest.mark.skipif(os.name != "posix", reason="rights are POSIX's")
def test_a_downloaded_file_can_be_read_as_the_umask_says(server, cache):
    before = os.umask(0o022)
    try:
        path = located(entry(server.plan("/a", Answer(GOOD))), patience=QUICK)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_bar_is_shown_for_a_large_file_only(server, cache, capsys):
    large = b"x" * 1_500_000
    located(entry(server.plan("/a", Answer(GOOD))), patience=QUICK)
    assert capsys.readouterr().err == ""
    located(entry(server.plan("/b", Answer(large)), large, "dataset/large.tsv"), patience=QUICK)
    assert "large.tsv" in capsys.readouterr().err


def test_an_embedded_file_needs_no_cache_and_no_address(cache):
    raw = (ROOT / "data" / "panels.toml").read_bytes()
    assert located(entry("", raw, "panels.toml")) == ROOT / "data" / "panels.toml"
    assert not cache.exists()


def test_an_altered_embedded_file_says_how_to_restore_it(cache):
    with pytest.raises(FetchError, match=r"another one(.|\n)*git checkout"):
        located(entry("", b"other", "panels.toml"))


# What the server does wrong


def test_a_wrong_checksum(server, cache):
    other = GOOD[:-1] + b"!"
    message = fails(entry(server.plan("/a", Answer(other))), "another one")
    assert hashlib.sha256(other).hexdigest() in message


def test_a_wrong_file_in_the_cache_is_never_used_and_replaced_by_a_good_one_only(server, cache):
    file = entry(server.plan("/a", Answer(status=404), Answer(GOOD)))
    place(file).parent.mkdir(parents=True)
    place(file).write_bytes(b"mine")
    assert "on this machine is another one: 4 bytes" in fails(file, "404")
    assert place(file).read_bytes() == b"mine"
    assert located(file, patience=QUICK).read_bytes() == GOOD


def test_a_wrong_file_of_the_right_size_in_the_cache_is_found_by_its_checksum(server, cache):
    file = entry(server.plan("/a", Answer(GOOD)))
    place(file).parent.mkdir(parents=True)
    place(file).write_bytes(b"!" + GOOD[1:])
    with pytest.raises(FetchError, match="another one: sha256"):
        located(file, download=False)
    assert located(file, patience=QUICK).read_bytes() == GOOD


@pytest.mark.parametrize("claim", [len(GOOD), None], ids=["length given", "no length"])
def test_a_truncated_body_is_asked_for_again_and_then_refused(server, cache, claim):
    url = server.plan("/a", Answer(GOOD[:-1000], claim=claim))
    fails(entry(url), "broke before the file was whole" if claim else "only 152,600 bytes came")
    assert len(server.requests) == QUICK.tries


def test_a_truncated_body_then_a_whole_one(server, cache):
    file = entry(server.plan("/a", Answer(GOOD[:70_000], claim=len(GOOD)), Answer(GOOD)))
    assert located(file, patience=QUICK).read_bytes() == GOOD
    assert files_in(cache) == ["dataset/table.tsv"]


@pytest.mark.parametrize("claim", [None, len(GOOD) * 200], ids=["no length", "length given"])
def test_a_body_without_end_is_cut_off(server, cache, claim):
    fails(entry(server.plan("/a", Answer(GOOD * 200, claim=claim))), "more than the expected 153,600 bytes")
    assert len(server.requests) == 1


@pytest.mark.parametrize(("status", "reason"), [(403, "Forbidden"), (404, "Not Found"), (410, "Gone")])
def test_a_refusal_is_final(server, cache, status, reason):
    fails(entry(server.plan("/a", Answer(b"no", status))), f"answered {status} {reason}")
    assert len(server.requests) == 1


def test_429_waits_as_long_as_the_server_asks(server, cache):
    busy = Answer(status=429, headers={"Retry-After": "1"})
    located(entry(server.plan("/a", busy, Answer(GOOD))), patience=QUICK)
    first, second = server.times("/a")
    assert 1.0 <= second - first < 1.6


def test_503_waits_until_the_date_that_the_server_gives(server, cache):
    busy = Answer(status=503, headers={"Retry-After": formatdate(time.time() + 1.6, usegmt=True)})
    patience = Patience(tries=2, timeout=2.0, pause=0.01, longest_pause=3)
    located(entry(server.plan("/a", busy, Answer(GOOD))), patience=patience)
    first, second = server.times("/a")
    assert 0.4 < second - first < 1.9  # the date has whole seconds


def test_a_wait_that_is_too_long_is_not_waited_for(server, cache):
    busy = Answer(status=429, headers={"Retry-After": "3600"})
    fails(entry(server.plan("/a", busy)), "429 Too Many Requests and asks to wait 3,600 seconds")
    assert len(server.requests) == 1


@pytest.mark.parametrize("header", ["soon", "-5", "1e9", ""])
def test_a_senseless_wait_is_the_usual_one(server, cache, header):
    busy = Answer(status=503, headers={"Retry-After": header})
    assert located(entry(server.plan("/a", busy, Answer(GOOD))), patience=QUICK).read_bytes() == GOOD


def test_500_then_success(server, cache):
    file = entry(server.plan("/a", Answer(b"oops", 500), Answer(GOOD)))
    assert located(file, patience=QUICK).read_bytes() == GOOD


def test_500_for_ever_with_pauses_that_double(server, cache):
    patience = Patience(tries=4, timeout=2.0, pause=0.1)
    fails(entry(server.plan("/a", Answer(b"oops", 500))), r"500 Internal Server Error \(4 tries\)", patience)
    moments = server.times("/a")
    pauses = [later - earlier for earlier, later in pairwise(moments)]
    assert all(pause >= least for pause, least in zip(pauses, [0.1, 0.2, 0.4], strict=True))
    assert sum(pauses) < 1.5


@pytest.mark.parametrize("after", [0, 70_000])
def test_a_stall_ends_at_the_timeout(server, cache, after):
    url = server.plan("/a", Answer(GOOD, stall_after=after, stall=60))
    start = time.monotonic()
    fails(entry(url), "did not answer in time", Patience(tries=2, timeout=0.3, pause=0.01))
    assert time.monotonic() - start < 1.5


def test_a_stall_then_success(server, cache):
    file = entry(server.plan("/a", Answer(GOOD, stall_after=70_000, stall=60), Answer(GOOD)))
    assert located(file, patience=Patience(tries=3, timeout=0.3, pause=0.01)).read_bytes() == GOOD


def test_a_drip_is_cut_off_though_no_byte_is_late(server, cache):
    few = GOOD[:200]
    url = server.plan("/a", Answer(few, stall_after=0, drip=0.02))
    start = time.monotonic()
    fails(entry(url, few), "less than 1,000,000 bytes a second", Patience(tries=2, timeout=0.4, slowest=1e6))
    assert time.monotonic() - start < 1.5


def test_a_redirect_is_followed(server, cache):
    server.plan("/b", Answer(GOOD))
    file = entry(server.plan("/a", Answer(status=302, headers={"Location": "/b"})))
    assert located(file, patience=QUICK).read_bytes() == GOOD


def test_a_redirect_to_another_file_is_refused(server, cache):
    server.plan("/b", Answer(b"<html>log in</html>"))
    fails(entry(server.plan("/a", Answer(status=302, headers={"Location": "/b"}))), "only 19 bytes came")


def test_a_redirect_in_a_circle(server, cache):
    fails(entry(server.plan("/a", Answer(status=302, headers={"Location": "/a"}))), "in a circle")


@pytest.mark.parametrize("scheme", ["ftp", "file"])
def test_a_redirect_to_a_lesser_scheme_is_refused(server, cache, scheme):
    away = Answer(status=302, headers={"Location": f"{scheme}:///etc/passwd"})
    fails(entry(server.plan("/a", away)), f"sends the reader on from http to {scheme}")


def test_a_redirect_from_https_to_http_is_refused():
    from requests import Response

    answer = Response()
    answer.status_code, answer.url = 301, "https://example.org/a"
    answer.headers["location"] = "http://example.org/a"
    with pytest.raises(downloading.DownloadFailed, match="from https to http"):
        downloading._check_redirect(answer)
    for better in ("https://example.com/b", "/b", "//example.com/b"):
        answer.headers["location"] = better
        downloading._check_redirect(answer)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/a", "/etc/passwd", "https://", "http://[::1/a"])
def test_an_address_that_is_none_is_a_clear_error(cache, url):
    fails(entry(url), "no address of the form")


# Offline


def test_offline_the_message_says_where_to_put_the_file(cache):
    file = entry(f"http://127.0.0.1:{closed_port()}/a")
    message = fails(file, "127.0.0.1 cannot be reached from this machine")
    assert f"save the file of this address as {cache / 'dataset/table.tsv'}" in message


def test_a_server_that_is_not_reached_is_asked_for_one_file_only(cache):
    address = f"http://127.0.0.1:{closed_port()}"
    files = [entry(f"{address}/{i}", path=f"dataset/{i}.tsv") for i in range(30)]
    start = time.monotonic()
    with pytest.raises(FetchError, match=r"30 faults(.|\n)*not tried") as caught:
        located_all(files, "dataset", patience=Patience(pause=0.1))
    assert time.monotonic() - start < 1.5
    assert len(caught.value.faults) == 30


def test_without_download_the_server_is_not_asked(server, cache):
    file = entry(server.plan("/a", Answer(GOOD)))
    with pytest.raises(FetchError, match=r"not on this machine(.|\n)*make data"):
        located(file, download=False)
    assert not server.requests


# What this machine does wrong


def test_a_full_disk_leaves_nothing_behind(server, cache, monkeypatch):
    def full(self, chunk):
        self._open.write(chunk[:100])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(downloading.PartFile, "_store", full)
    file = entry(server.plan("/a", Answer(GOOD)))
    fails(file, "cannot be written: No space left on device")
    assert len(server.requests) == 1
    monkeypatch.undo()
    monkeypatch.setenv("ANALYSIS_DATA_DIR", str(cache))
    assert files_in(cache) == []


def test_a_disk_that_is_full_at_the_last_moment_leaves_nothing_behind(server, cache, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    fails(entry(server.plan("/a", Answer(GOOD))), "cannot be written: No space left on device")


@pytest.fixture
def small_disk(tmp_path, monkeypatch):
    """A real file system of 64 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a small file system")
    monkeypatch.setenv("ANALYSIS_DATA_DIR", str(folder))
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_is_really_full(server, cache, small_disk):
    fails(entry(server.plan("/a", Answer(GOOD))), "cannot be written: No space left on device")
    half, little = GOOD[:30_000], GOOD[:2_000]
    located(entry(server.plan("/b", Answer(half)), half, "dataset/half.tsv"), patience=QUICK)
    with pytest.raises(OSError, match="No space"):
        (small_disk / "rest").write_bytes(bytes(65_536))
    fails(entry(server.plan("/c", Answer(little)), little), "cannot be written: No space left on device")


def test_a_cache_on_a_read_only_file_system(server, cache, small_disk):
    small = GOOD[:1_000]
    file = entry(server.plan("/a", Answer(small)), small)
    located(file, patience=QUICK)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    assert located(file).read_bytes() == small
    other = entry(server.plan("/b", Answer(small)), small, "dataset/other.tsv")
    fails(other, "folder cannot be written to: Read-only file system")


def deny_writing(monkeypatch):
    """Make every new file fail as on a read-only file system; chmod does not bind root."""
    ordinary = Path.open

    def refuse(self, mode="r", *args, **kwargs):
        if set(mode) & set("wxa+"):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return ordinary(self, mode, *args, **kwargs)

    monkeypatch.setattr(Path, "open", refuse)


def test_a_read_only_cache_is_named_and_its_good_files_are_read(server, cache, monkeypatch):
    file = entry(server.plan("/a", Answer(GOOD)))
    located(file, patience=QUICK)
    deny_writing(monkeypatch)
    assert located(file).read_bytes() == GOOD
    other = entry(server.plan("/b", Answer(GOOD)), path="dataset/other.tsv")
    fails(other, "folder cannot be written to: Read-only file system")
    assert not server.times("/b")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="chmod does not bind root")
def test_a_cache_without_the_right_to_write(server, cache):
    file = entry(server.plan("/a", Answer(GOOD)))
    place(file).parent.mkdir(parents=True)
    place(file).parent.chmod(0o500)
    fails(file, "folder cannot be written to: Permission denied")
    place(file).parent.chmod(0o700)


def test_a_file_where_the_cache_folder_should_be(server, tmp_path, cache):
    cache.write_text("not a folder")
    with pytest.raises(FetchError, match="cannot be written to"):
        located(entry(server.plan("/a", Answer(GOOD))), patience=QUICK)


def test_a_folder_where_the_file_should_be(server, cache):
    (cache / "dataset/table.tsv").mkdir(parents=True)
    fails(entry(server.plan("/a", Answer(GOOD))), "cannot be written")


@pytest.mark.parametrize("path", ["../out.tsv", "/etc/out.tsv", "a/../../out.tsv", ""])
def test_a_path_out_of_the_cache_is_refused(server, cache, path):
    with pytest.raises(FetchError, match="leads out of the cache folder"):
        located(entry(server.plan("/a", Answer(GOOD)), path=path), patience=QUICK)
    assert not server.requests


# Several processes


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX's")
def test_a_kill_in_mid_download_leaves_a_part_that_the_next_fetch_removes(server, cache):
    slow = Answer(GOOD, stall_after=100_000, stall=60)
    file = entry(server.plan("/a", slow, Answer(GOOD)))
    process = start_fetch(file, cache)
    wait_for_part(cache)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert len(files_in(cache)) == 1
    assert not place(file).exists()
    assert located(file, patience=QUICK).read_bytes() == GOOD
    assert files_in(cache) == ["dataset/table.tsv"]


def test_two_processes_at_once_both_end_with_the_file(server, cache):
    slow = Answer(GOOD, stall_after=100_000, stall=0.3)
    file = entry(server.plan("/a", slow))
    processes = [start_fetch(file, cache), start_fetch(file, cache)]
    outputs = [process.communicate(timeout=20) for process in processes]
    assert [output for output, _ in outputs] == [f"ready\n{len(GOOD)}\n"] * 2
    assert place(file).read_bytes() == GOOD
    assert files_in(cache) == ["dataset/table.tsv"]


def test_a_part_that_another_process_is_writing_is_left_alone(server, cache):
    file = entry(server.plan("/a", Answer(GOOD, stall_after=100_000, stall=60), Answer(GOOD)))
    process = start_fetch(file, cache)
    try:
        (part,) = wait_for_part(cache)
        assert located(file, patience=QUICK).read_bytes() == GOOD
        assert part.exists()
    finally:
        process.kill()
        process.communicate()


# Many files


def test_all_faults_come_at_once_in_the_order_of_the_files(server, cache):
    files = [
        entry(server.plan("/a", Answer(GOOD)), path="dataset/a.tsv"),
        entry(server.plan("/b", Answer(b"", 404)), path="dataset/b.tsv"),
        entry(server.plan("/c", Answer(b"", 403)), path="dataset/c.tsv"),
        entry("", b"", "no such file"),
    ]
    with pytest.raises(FetchError) as caught:
        located_all(files, "mice", patience=QUICK)
    assert str(caught.value).startswith("mice: 3 faults")
    assert [fault.where for fault in caught.value.faults] == [files[1].url, files[2].url, "no such file"]
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    assert located_all(files[:1]) == (cache / "dataset/a.tsv",)


def test_fetch_all_goes_on_after_a_failure(server, cache):
    good = entry(server.plan("/a", Answer(GOOD)), path="one/a.tsv")
    bad = entry(server.plan("/b", Answer(b"", 404)), path="two/b.tsv")
    first, second, third = fetch_all({"one": [good], "two": [bad, good], "three": [good]}, patience=QUICK)
    assert str(first) == "one: 1 file, 0.2 MB, 1 downloaded"
    assert str(second) == "two: 2 files, 0.3 MB, 0 downloaded, 1 failed"
    assert (third.downloaded, third.error) == (0, None)


def test_make_data_prints_a_line_a_dataset_and_the_failures_at_the_end(server, cache, monkeypatch, capsys):
    spec = importlib.util.spec_from_file_location("fetch_all", ROOT / "data" / "scripts" / "fetch_all.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    good = entry(server.plan("/a", Answer(GOOD)), path="one/a.tsv")
    bad = entry(server.plan("/b", Answer(b"", 404)), path="two/b.tsv")
    catalogue = {"one": SimpleNamespace(files=(bad,)), "two": SimpleNamespace(files=(good,))}
    monkeypatch.setattr(script, "read_catalogue", lambda: catalogue)
    assert script.main() == 1
    output = capsys.readouterr()
    assert [line.partition(":")[0] for line in output.out.splitlines()[:2]] == ["one", "two"]
    assert str(cache) in output.out
    assert output.err.startswith(f"\none: 1 fault\n  1. {bad.url}: the server answered 404 Not Found")
    del catalogue["one"]
    assert script.main() == 0


def test_the_cache_folder_is_the_platforms_where_none_is_named(monkeypatch):
    monkeypatch.setenv("ANALYSIS_DATA_DIR", "")
    assert cache_folder().name == "botox-gut-evidence"
    monkeypatch.setenv("ANALYSIS_DATA_DIR", "~/tables")
    assert cache_folder() == Path.home() / "tables"


def test_the_folder_of_public_tables_is_a_cache_as_it_stands(shared_data, monkeypatch):
    monkeypatch.setenv("ANALYSIS_DATA_DIR", str(shared_data))
    deny_writing(monkeypatch)
    header, *lines = (shared_data / "registry.tsv").read_text(encoding="utf-8").splitlines()
    rows = [dict(zip(header.split("\t"), line.split("\t"), strict=True)) for line in lines]
    files = [DataFile("table", r["file"], int(r["bytes"]), r["sha256"], "https://127.0.0.1/a") for r in rows]
    assert located_all(files, download=False) == tuple(shared_data / r["file"] for r in rows)
