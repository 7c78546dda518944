"""A download from end to end, from a server on this machine, and every way it can fail."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import http.server
import threading
import zipfile

import pytest

from tfrs_bench.data import download, movielens
from tfrs_bench.data.download import cache_dir, fetch
from tfrs_bench.data.movielens import load_movielens
from tfrs_bench.errors import UserError

INSTEAD = "type --data_dir=DIR."


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv(download.CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def site(tmp_path):
    """A folder and the address under which it is served; requests are listed in `seen`."""
    seen = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_request(self, *_):
            seen.append(f"{self.command} {self.path}")

        def log_error(self, *_):
            pass

    folder = tmp_path / "www"
    folder.mkdir()
    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}", seen
        server.shutdown()


@pytest.fixture
def publish(site, monkeypatch):
    """Returns publish(files) -> address of a zip of them, with its checksum recorded as TFDS records them."""
    from tensorflow_datasets.core import utils
    from tensorflow_datasets.core.download import checksums

    def put(files, checksum=None):
        folder, address, _ = site
        with zipfile.ZipFile(folder / "ml-1m.zip", "w") as archive:
            for name, text in files.items():
                archive.writestr(name, text)
        data = (folder / "ml-1m.zip").read_bytes()
        info = checksums.UrlInfo(
            utils.Size(len(data)), checksum or hashlib.sha256(data).hexdigest(), "ml-1m.zip"
        )
        monkeypatch.setitem(checksums.get_all_url_infos(), f"{address}/ml-1m.zip", info)
        return f"{address}/ml-1m.zip"

    return put


FILES = {
    "ml-1m/ratings.dat": "1::2::5::100\n",
    "ml-1m/movies.dat": "2::Run (2001)::Action\n",
    "ml-1m/users.dat": "1::M::56::0::12345\n",
}


def test_movielens_is_downloaded_once(publish, site, cache, monkeypatch):
    monkeypatch.setattr(movielens, "URL", publish(FILES).replace("ml-1m", "{folder}"))
    edition = dataclasses.replace(movielens.EDITIONS["movielens/1m"], rows=1)
    monkeypatch.setitem(movielens.EDITIONS, "movielens/1m", edition)
    first = load_movielens("movielens/1m")
    assert first.log.item_titles.tolist() == ["Run (2001)"]
    assert (cache / "ml-1m" / "ratings.dat").is_file()
    requests = list(site[2])
    assert requests == ["HEAD /ml-1m.zip", "GET /ml-1m.zip"]
    assert load_movielens("movielens/1m").log.fingerprint == first.log.fingerprint
    assert site[2] == requests


def test_a_kept_archive_needs_no_network(publish, site, cache):
    url = publish(FILES)
    fetch(url, "ml-1m", INSTEAD)
    (cache / "ml-1m" / "ratings.dat").unlink()
    requests = list(site[2])
    assert (fetch(url, "ml-1m", INSTEAD) / "ratings.dat").is_file()
    assert site[2] == requests


def test_another_archive_is_refused(publish, cache):
    with pytest.raises(UserError, match="wrong checksum"):
        fetch(publish(FILES, checksum="0" * 64), "ml-1m", INSTEAD)
    assert not (cache / "ml-1m").exists()


def test_an_archive_without_recorded_checksum_is_refused(site, publish, cache):
    url = publish(FILES)
    (site[0] / "other.zip").write_bytes((site[0] / "ml-1m.zip").read_bytes())
    with pytest.raises(ValueError, match="checksum"):
        fetch(url.replace("ml-1m", "other"), "other", INSTEAD)


def test_a_missing_page_is_told_at_once(site, cache):
    with pytest.raises(UserError, match="cannot be reached") as caught:
        fetch(f"{site[1]}/nothing.zip", "nothing", INSTEAD)
    assert INSTEAD in str(caught.value)


def test_no_network_and_no_copy_names_both_ways(cache, monkeypatch):
    # Nothing listens on the port of this address.
    monkeypatch.setattr(movielens, "URL", "http://127.0.0.1:9/{folder}.zip")
    with pytest.raises(UserError) as caught:
        load_movielens("movielens/1m")
    message = str(caught.value)
    assert "http://127.0.0.1:9/ml-1m.zip cannot be reached" in message
    assert "where there is a network" in message
    assert "--data_dir=DIR" in message


def test_the_cache_can_be_elsewhere(monkeypatch, tmp_path):
    monkeypatch.delenv(download.CACHE_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_dir() == tmp_path / "tfrs_bench"
    monkeypatch.setenv(download.CACHE_VARIABLE, str(tmp_path / "mine"))
    assert cache_dir() == tmp_path / "mine"


def test_every_edition_has_a_recorded_checksum():
    from tensorflow_datasets.core.download import checksums

    recorded = checksums.get_all_url_infos()
    assert all(movielens.URL.format(folder=one.folder) in recorded for one in movielens.EDITIONS.values())
