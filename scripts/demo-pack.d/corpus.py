"""The demo models' training text, from Debian source packages under permissive licences.

    corpus.py --cache DIR --out DIR [--rows FILE.jsonl.gz ...]

Downloads the packages named in sources.tsv (apt in a private folder: no root needed), takes the files its patterns
name, and writes to --out: train.txt and heldout.txt (documents ended by a NUL), and manifest.json (package, version,
licence, tarballs with SHA-256, documents, bytes). The same tarballs give the same bytes.
"""

import argparse
import collections
import gzip
import hashlib
import html
import json
import os
import pathlib
import re
import subprocess
import tarfile

HERE = pathlib.Path(__file__).resolve().parent
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
RELEASE = "bookworm"
LARGEST = 400_000  # characters; longer files are tables or generated
HELDOUT = 3  # of 256 documents, by the hash of their path


class Apt:
    """apt with lists and cache of its own."""

    def __init__(self, folder):
        self.folder = folder
        for part in ("lists/partial", "cache/archives/partial", "sources"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        listing = folder / "sources.list"
        listing.write_text(
            f"deb-src [signed-by={KEYRING}] http://deb.debian.org/debian {RELEASE} main\n"
        )
        self.options = [
            f"-oDir::State::Lists={folder}/lists",
            f"-oDir::Cache={folder}/cache",
            f"-oDir::Etc::sourcelist={listing}",
            "-oDir::Etc::sourceparts=/dev/null",
            "-oAPT::Sandbox::User=",
        ]
        if not any((folder / "lists").glob("*Sources*")):
            subprocess.run(["apt-get", *self.options, "-q", "update"], check=True)

    def record(self, package):
        """The version and tarballs (name, SHA-256) of a source package."""
        shown = subprocess.run(
            ["apt-cache", *self.options, "showsrc", "--only-source", package],
            check=True, capture_output=True, text=True,
        ).stdout
        best = None
        for paragraph in shown.split("\n\n"):
            version = re.search(r"^Version: (.+)$", paragraph, re.M)
            sums = re.search(r"^Checksums-Sha256:\s*\n((?: .+\n?)+)", paragraph, re.M)
            if version and sums:
                best = (version[1], [line.split() for line in sums[1].splitlines()])
        if best is None:
            raise SystemExit(f"{package}: not in Debian {RELEASE}")
        version, files = best
        wanted = [
            (name, digest) for digest, _, name in files
            if ".orig" in name or (".tar." in name and ".debian." not in name)
        ]
        return version, [(n, d) for n, d in wanted if not n.endswith(".asc")]

    def fetch(self, package, tarballs):
        """The paths of the package's tarballs, downloaded where missing and checked."""
        folder = self.folder / "sources"
        if not all((folder / name).exists() for name, _ in tarballs):
            subprocess.run(
                ["apt-get", *self.options, "-qq", "source", "--download-only", "--only-source",
                 package], check=True, cwd=folder,
            )
        for name, digest in tarballs:
            if hashlib.sha256((folder / name).read_bytes()).hexdigest() != digest:
                raise SystemExit(f"{name}: wrong SHA-256")
        return [folder / name for name, _ in tarballs]


def pattern(text):
    """A glob over whole paths: `**` crosses folders, `*` does not."""
    parts = re.split(r"(\*\*|\*)", text)
    return "".join({"**": ".*", "*": "[^/]*"}.get(p, re.escape(p)) for p in parts)


def matcher(patterns):
    take = re.compile("(?:%s)\\Z" % "|".join(pattern(p) for p in patterns if p[0] != "!"))
    leave = [pattern(p[1:]) for p in patterns if p[0] == "!"]
    leave = re.compile("(?:%s)\\Z" % "|".join(leave)) if leave else None
    return lambda path: take.match(path) and not (leave and leave.match(path))


COMMENT = re.compile(
    r"\A(?:#![^\n]*\n)?\s*(/\*.*?\*/|(?:(?://|#|--|%|;)[^\n]*\n)+|<!--.*?-->|\.\.[^\n]*\n(?:[ \t]+[^\n]*\n)*)",
    re.S,
)
# A package may hold a few files under other terms than the rest: one that names such terms is left out.
OTHER_TERMS = re.compile(
    r"general\s+public\s+licen[sc]e|\blicen[sc]ed? (?:under|:)[^\n]{0,40}\bA?L?GPL|creative\s*commons|\bCC[- ]BY\b"
    r"|mozilla\s+public\s+licen[sc]e|common\s+development\s+and\s+distribution|eclipse\s+public\s+licen[sc]e"
    r"|artistic\s+licen[sc]e|free\s+documentation\s+licen[sc]e|SPDX-License-Identifier:\s*(?:[AL]*GPL|MPL|CDDL|EPL|CC)",
    re.I,
)
TAG = re.compile(r"<!--.*?-->|<[/!?]?[A-Za-z\[][^<>]*>", re.S)


def plain(text, suffix):
    """A file as training text: markup stripped, notices at the top left out, white space tidied."""
    if suffix in (".sgml", ".html", ".xml", ".aml"):
        text = re.sub(r"<(script|style|copyright|legalnotice)\b.*?</\1>", "", text, flags=re.S)
        text = re.sub(r"<!\[CDATA\[|\]\]>", "", text)
        text = html.unescape(TAG.sub("", text))
        text = "\n".join(re.sub(r"^ {1,7}(?=\S)", "", line) for line in text.split("\n"))
    if suffix in (".3", ".d"):
        text = "\n".join(
            re.sub(r"^\.[A-Z]{1,2} ?|\\f[BIPR]", "", line) for line in text.split("\n")
            if not line.startswith(".\\\"")
        )
    for _ in range(3):  # a notice may follow another comment
        head = COMMENT.match(text)
        if not head or not re.search(r"copyright|licen[sc]e|all rights reserved|\(c\) ", head[0], re.I):
            break
        text = text[head.end():]
    text = text.replace("\r\n", "\n").replace("\0", "").replace("\f", "\n").replace("\ufeff", "")
    text = re.sub(r"[ \t]+\n", "\n", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def readable(text):
    """Whether this is written text: no data tables, generated tables or minified files."""
    if not 200 <= len(text) <= LARGEST:
        return False
    head = text[:2000].lower()
    if any(mark in head for mark in ("generated by", "do not edit", "autogenerated", "auto-generated")):
        return False
    lines = text.split("\n")
    if max(map(len, lines)) > 2000 or len(text) / len(lines) > 200:
        return False
    letters = sum(map(str.isalpha, text))
    digits = sum(map(str.isdigit, text))
    ascii_count = len(text.encode("ascii", "ignore"))
    return letters > 0.4 * len(text) and digits < 0.12 * len(text) and ascii_count > 0.97 * len(text)


def documents(tarballs, wanted, totals):
    """(path, text) of the wanted files, by path; what is left out is counted."""
    found = {}
    for tarball in tarballs:
        with tarfile.open(tarball) as archive:
            for member in archive:
                if not member.isfile() or member.size > LARGEST * 2:
                    continue
                path = member.name.removeprefix("./").partition("/")[2]
                if path and wanted(path):
                    data = archive.extractfile(member).read()
                    try:
                        text = data.decode("utf-8")
                    except UnicodeDecodeError:
                        continue
                    if OTHER_TERMS.search(text):
                        totals["files naming other terms"] += 1
                        continue
                    text = plain(text, os.path.splitext(path)[1])
                    if readable(text):
                        found.setdefault(path, text)
    return sorted(found.items())


def rowLines(paths):
    """Every long line of the demo rows."""
    lines = set()
    for path in paths:
        with gzip.open(path, "rt") if path.endswith(".gz") else open(path) as rows:
            for row in rows:
                for field in ("prompt", "response"):
                    for line in json.loads(row).get(field, "").split("\n"):
                        if len(line.strip()) >= 60:
                            lines.add(line.strip())
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cache", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--rows", nargs="*", default=[], help="demo rows that must not be in the text")
    parser.add_argument("--skip-missing", action="store_true", help="go on without what the mirror lacks")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    apt = Apt(options.cache.resolve())
    kept_out = rowLines(options.rows)

    seen = set()
    manifest = []
    totals = collections.Counter()
    with open(options.out / "train.txt", "w") as train, open(options.out / "heldout.txt", "w") as held:
        for line in (HERE / "sources.tsv").read_text().splitlines():
            if not line or line.startswith("#"):
                continue
            package, licence, cap, patterns = line.split("\t")
            version, tarballs = apt.record(package)
            try:
                paths = apt.fetch(package, tarballs)
            except subprocess.CalledProcessError:
                if not options.skip_missing:
                    raise SystemExit(f"{package} {version}: not at the mirror (--skip-missing goes on without it)")
                print(f"{package}: not at the mirror, left out", flush=True)
                continue
            entries = documents(paths, matcher(patterns.split()), totals)
            # Where the cap binds, the files kept are spread over the package, not its first folders.
            entries.sort(key=lambda e: hashlib.sha256(f"{package}/{e[0]}".encode()).digest())
            taken, size, copies, chosen = 0, 0, 0, []
            for path, text in entries:
                digest = hashlib.sha256(re.sub(r"\s+", " ", text).encode()).digest()
                if digest in seen:
                    copies += 1
                    continue
                if kept_out and sum(l.strip() in kept_out for l in text.split("\n")) > 2:
                    totals["holding demo rows"] += 1
                    continue
                if size + len(text.encode()) > float(cap) * 1e6:
                    continue
                seen.add(digest)
                size += len(text.encode())
                taken += 1
                chosen.append((path, text))
            for path, text in sorted(chosen):
                key = hashlib.sha256(f"{package}/{path}".encode()).digest()
                out, name = (held, "heldout") if key[-1] < HELDOUT else (train, "train")
                out.write(text + "\0")
                totals[name] += len(text.encode())
            if not taken:
                if not options.skip_missing:
                    raise SystemExit(f"{package}: no file matches")
                print(f"{package}: no file matches", flush=True)
                continue
            manifest.append({
                "package": package, "version": version, "licence": licence,
                "tarballs": [{"name": n, "sha256": d} for n, d in tarballs],
                "documents": taken, "copies_left_out": copies, "bytes": size,
            })
            print(f"{package:32} {version:28} {taken:5} documents {size / 1e6:7.2f} MB", flush=True)
    summary = {"release": f"Debian {RELEASE}", "bytes": dict(totals), "packages": manifest}
    (options.out / "manifest.json").write_text(json.dumps(summary, indent=1) + "\n")
    print(dict(totals))


if __name__ == "__main__":
    main()
