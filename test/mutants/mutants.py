"""mutants.py --check [--tap] | --run [PATTERN ...]

Small faults that the tests must notice.  Each is an entry of a table beside
this file, DISTRICT.mutants; README.md says how one is written.

--check  sees that each entry still applies to the tree
--run    applies one after the other to a copy of the tree, builds it and runs
         tests until one fails (by way of test/lib/mutants.sh: make mutants)
"""
import fnmatch
import glob
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, "test/lint"))
import lint  # noqa: E402

FIELDS = ("mutant", "file", "function", "breaks", "tests", "equivalent")
NEEDED = ("mutant", "file", "function", "breaks", "tests")

# What runs, in this order, when the tests that an entry names let it live; the
# unit drivers that contain the file come before these.
GENERIC = ["regress/*", "t/080_oracle.pl", "t/041_paging.pl", "t/043_replies.pl",
           "t/040_switches.pl", "t/051_faults.pl", "t/020_token.pl", "t/062_sync.pl",
           "t/050_errors.pl", "t/101_secrets.pl"]

BUILD_SECONDS = 300
TEST_SECONDS = int(os.environ.get("TPLUS_MUTANT_SECONDS") or 600)


# ------------------------------------------------------------------ the table

class Mutant(dict):
    """An entry: its fields, and `before` and `after`, texts of lines."""

    @property
    def name(self):
        return self.district + "/" + self.get("mutant", "?")

    def chosen(self, patterns):
        names = (self.name, self.get("mutant"), self.district)
        return not patterns or any(fnmatch.fnmatchcase(n, p) for n in names for p in patterns)


def parse(path):
    """The entries of one table; raises ValueError at what is none."""
    district = os.path.basename(path)[:-len(".mutants")]
    with open(path, encoding="utf-8") as file:
        blocks = re.split(r"\n(?:[ \t]*\n)+", re.sub(r"^#.*\n", "", file.read(), flags=re.M))
    for block in blocks:
        if not block.strip():
            continue
        mutant, before, after, field = Mutant(), [], [], None
        mutant.district = district
        for line in block.strip("\n").split("\n"):
            key, _, value = line.partition(":")
            if line[0] in "-+":
                (before if line[0] == "-" else after).append(line[1:])
            elif line[0].isspace() and field:
                mutant[field] += " " + line.strip()
            elif key in FIELDS and key not in mutant:
                field = key
                mutant[key] = value.strip()
            else:
                raise ValueError(f"{mutant.name}: not understood: {line!r}")
        missing = [f for f in NEEDED if not mutant.get(f)]
        if missing or not before:
            raise ValueError(f"{mutant.name}: lacks {', '.join(missing or ['a line of the code'])}")
        mutant["before"], mutant["after"] = "\n".join(before), "\n".join(after)
        yield mutant


def read_tables():
    """All entries, and what is wrong with the tables."""
    mutants, problems, seen = [], [], set()
    for path in sorted(glob.glob(os.path.join(HERE, "*.mutants"))):
        try:
            for mutant in parse(path):
                if mutant["mutant"] in seen:
                    problems.append(f"{mutant.name}: there are two of this name")
                seen.add(mutant["mutant"])
                mutants.append(mutant)
        except ValueError as error:
            problems.append(str(error))
    return mutants, problems


# ----------------------------------------------------------- applying an entry

def span(path, text, function):
    """Where a function (or an SQL object, or all: "-") stands in a text."""
    if function == "-":
        return 0, len(text)
    if path.endswith(".sql"):
        found = [m.start() for m in re.finditer(
            rf'^CREATE (?:OR REPLACE )?\w+ (?:tplus\.)?{re.escape(function)}\b(?!\.)', text, re.M)]
        if len(found) != 1:
            return None
        following = re.compile(r"^(?:CREATE|COMMENT ON|GRANT|REVOKE|DO) ", re.M).search(text, found[0] + 1)
        return found[0], following.start() if following else len(text)
    found = [(line, length) for name, line, length, _ in lint.functions(text) if name == function]
    if len(found) != 1:
        return None
    starts = [0] + [m.end() for m in re.finditer("\n", text)]
    first, length = found[0]
    return starts[first - 1], starts[min(first - 1 + length, len(starts) - 1)]


def apply(mutant, text):
    """The changed text; raises ValueError where the entry does not fit it."""
    place = span(mutant["file"], text, mutant["function"])
    if place is None:
        raise ValueError(f"{mutant.name}: {mutant['file']} has no {mutant['function']}, or several")
    # Blanks count as blanks, so that an entry survives a new indentation.
    words = [re.escape(word) for word in mutant["before"].split()]
    found = list(re.compile(r"\s+".join(words)).finditer(text, *place))
    if len(found) != 1:
        raise ValueError(f"{mutant.name}: {mutant['file']}, {mutant['function']} has its lines "
                         f"{len(found)} times instead of once")
    after = mutant["after"].strip()
    if after.split() == mutant["before"].split():
        raise ValueError(f"{mutant.name}: changes nothing")
    return text[:found[0].start()] + after + text[found[0].end():]


def related(mutant):
    """The tests that an entry names; raises ValueError for what is none."""
    tests = mutant["tests"].split()
    for test in tests:
        if not os.path.exists(os.path.join(TOP, source_of(test))):
            raise ValueError(f"{mutant.name}: there is no test {test}")
    return tests


def source_of(test):
    kind, _, name = test.partition("/")
    return {"unit": f"test/unit/{name}.c", "regress": f"sql/{name}.sql"}.get(kind, test)


def check(tap):
    mutants, problems = read_tables()
    for mutant in mutants:
        try:
            with open(os.path.join(TOP, mutant["file"]), encoding="utf-8") as file:
                apply(mutant, file.read())
            related(mutant)
        except (OSError, ValueError) as error:
            problems.append(str(error))
    for problem in problems:
        print(f"test/mutants: {problem}", file=sys.stderr)
    if problems:
        print("test/mutants: where code has moved or changed, let the entry follow it: "
              "test/mutants/README.md", file=sys.stderr)
    if tap:
        print(f"{'not ok' if problems else 'ok'} 1 - each of {len(mutants)} mutants applies\n1..1")
    elif not problems:
        print(f"mutants: {len(mutants)}, each applies")
    return 1 if problems else 0


# ------------------------------------------------------------------ running it

class Runner:
    """Builds and tests in a copy of the tree inside the folder of this run."""

    def __init__(self):
        self.prefix, self.run = os.environ["TPLUS_PREFIX"], os.environ["TPLUS_RUN"]
        self.home = os.path.join(self.prefix, "src")
        self.copy = os.path.join(self.run, "mutant")
        self.pgxs = os.path.join(self.prefix, "lib/postgresql", os.environ["PG_MAJOR"],
                                 "lib/pgxs/src")
        self.tests = 0
        self.usual = {}         # how long a test takes without a mutant
        shutil.copytree(self.home, self.copy, symlinks=True)

    def build(self, folder):
        """None, or what the compiler said."""
        pg_config = os.path.join(self.prefix, "lib/postgresql", os.environ["PG_MAJOR"],
                                 "bin/pg_config")
        # What a mutant leaves unused is no reason not to build it.
        done = subprocess.run(
            ["make", "-s", "-C", folder, f"-j{os.cpu_count()}", "COPT=-DUSE_ASSERT_CHECKING",
             "PG_CFLAGS=-w", "with_llvm=no", f"PG_CONFIG={pg_config}", "install"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", timeout=BUILD_SECONDS)
        return done.stdout if done.returncode else None

    def put(self, path, text):
        with open(os.path.join(self.copy, path), "w", encoding="utf-8", newline="") as file:
            file.write(text)

    def restore(self, path):
        """The file, and what had been made of it."""
        made = [path, path[:-2] + ".o"] if path.endswith(".c") else [path]
        for name in made:
            shutil.copy2(os.path.join(self.home, name), os.path.join(self.copy, name))
        if path.endswith(".h"):
            os.utime(os.path.join(self.copy, path))
        library = os.path.join(self.copy, "tplus_fdw.so")
        if os.path.exists(library):
            os.remove(library)

    def command(self, test):
        kind, _, name = test.partition("/")
        if kind == "unit":
            return ["bash", "test/lib/unit.sh", f"test/unit/{name}.c"]
        if kind == "regress":
            return ["bash", "test/lib/regress.sh", name]
        return ["perl", "-I", os.path.join(self.pgxs, "test/perl"), "-I", "t/lib", test]

    def environment(self, folder):
        tap = os.path.join(folder, "tap")
        return dict(os.environ, TPLUS_RUN=folder, TMPDIR=os.path.join(folder, "tmp"),
                    HOME=os.path.join(folder, "tmp"), PGPORT="65432", TESTDIR=tap,
                    TESTDATADIR=os.path.join(tap, "tmp_check"),
                    TESTLOGDIR=os.path.join(tap, "tmp_check/log"),
                    PG_REGRESS=os.path.join(self.pgxs, "test/regress/pg_regress"),
                    PG_TEST_TIMEOUT_DEFAULT="30", TPLUS_UNIT_CFLAGS="-Wno-error")

    def test(self, test):
        """None if it passed, or what failed first."""
        seconds = min(TEST_SECONDS, 60 + 5 * self.usual.get(test, TEST_SECONDS))
        self.tests += 1
        folder = os.path.join(self.run, str(self.tests))
        env = self.environment(folder)
        for name in ("TMPDIR", "TESTLOGDIR"):
            os.makedirs(env[name])
        os.makedirs(os.path.join(folder, "log"))
        failed, planned, late = None, False, threading.Event()
        with open(os.path.join(folder, "log/stderr"), "w+b") as stderr:
            process = subprocess.Popen(self.command(test), cwd=self.copy, env=env, stderr=stderr,
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       start_new_session=True)

            def too_late():
                late.set()
                end_group(process)

            clock = threading.Timer(seconds, too_late)
            clock.start()
            watch = Watch(self.copy, folder, test, process)
            try:
                for line in process.stdout:
                    line = line.decode("utf-8", "replace").strip()
                    planned = planned or re.match(r"1\.\.\d", line) is not None
                    if line.startswith("Bail out") or \
                            line.startswith("not ok") and "# TODO" not in line:
                        failed = re.sub(r"^not ok \d+ - ", "", line)
                        break
                if failed:
                    end_group(process)
                status = process.wait()
            finally:
                clock.cancel()
                watch.end()
                end_processes(folder)
                end_group(process)
            stderr.seek(0)
            said = stderr.read().decode("utf-8", "replace")
        shutil.rmtree(folder, ignore_errors=True)
        if late.is_set():
            return f"time-out after {seconds:.0f} s"
        if watch.line:
            return f"line {watch.line} is another"
        if failed is None and (status or not planned):
            if test.startswith("unit/") and re.search(r"\.[ch]:\d+:\d+: (fatal )?error:", said):
                raise DoesNotBuild(said)
            failed = "broke off: " + (said.strip().split("\n")[-1][:200])
        return failed


class Watch(threading.Thread):
    """Ends pg_regress where its outcome leaves what is expected: it would go on to the end."""

    def __init__(self, copy, folder, test, process):
        super().__init__(daemon=True)
        kind, _, name = test.partition("/")
        self.out = os.path.join(folder, "regress/results", name + ".out")
        self.process, self.line, self.ended, self.expected = process, 0, threading.Event(), []
        if kind == "regress":
            for path in glob.glob(os.path.join(copy, "expected", name + "*.out")):
                if re.fullmatch(re.escape(name) + r"(_\d)?\.out", os.path.basename(path)):
                    with open(path, "rb") as file:
                        self.expected.append(file.read())
            self.start()

    def run(self):
        while not self.ended.wait(0.2):
            try:
                with open(self.out, "rb") as file:
                    came = file.read()
            except OSError:
                continue
            came = came[:came.rfind(b"\n") + 1]
            if not any(text.startswith(came) for text in self.expected):
                self.line = max(same_lines(text, came) for text in self.expected) + 1
                # The server among them shall remove its shared memory.
                end_group(self.process, signal.SIGINT)
                return

    def end(self):
        self.ended.set()
        if self.expected:
            self.join()


def same_lines(one, other):
    return len(os.path.commonprefix([one.split(b"\n"), other.split(b"\n")]))


class DoesNotBuild(Exception):
    pass


def end_group(process, number=signal.SIGKILL):
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        pass


def end_processes(folder):
    """Ends what a test left: servers have a session of their own."""
    for number in (signal.SIGINT, signal.SIGKILL):
        for _ in range(30):
            left = list(processes_of(folder))
            if not left:
                return
            for pid in left:
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    pass
            time.sleep(0.1)


def processes_of(folder):
    mark = b"TPLUS_RUN=" + os.fsencode(folder) + b"\0"
    for path in glob.glob("/proc/[0-9]*"):
        pid = int(path[6:])
        try:
            # The server overwrites its environment, but works inside its data.
            inside = os.readlink(path + "/cwd").startswith(folder + "/")
            with open(path + "/environ", "rb") as file:
                if (inside or mark in file.read()) and pid != os.getpid():
                    yield pid
        except OSError:
            continue


def generic(mutant):
    """The tests for what its own let live, those that may see it first."""
    drivers = []
    for path in sorted(glob.glob(os.path.join(TOP, "test/unit/*.c"))):
        if mutant["file"][len("src/"):] in contained(path):
            drivers.append("unit/" + os.path.basename(path)[:-2])
    tests = []
    for name in GENERIC:
        if name == "regress/*":
            tests += ["regress/" + n for n in regress_names()]
        else:
            tests.append(name)
    return [t for t in drivers + tests if t not in mutant["tests"].split()]


def contained(path):
    """Names of the files that a driver includes, also by way of a header."""
    with open(path, encoding="utf-8") as file:
        names = re.findall(r'^#include "([^"]+)"', file.read(), re.M)
    found = set(names)
    for name in names:
        beside = os.path.join(TOP, "test/unit", name)
        if os.path.exists(beside):
            found |= contained(beside)
    return found


def regress_names():
    with open(os.path.join(TOP, "Makefile"), encoding="utf-8") as file:
        return re.search(r"^REGRESS = (.*)", file.read(), re.M).group(1).split()


def try_one(runner, mutant, everything):
    """What became of a mutant, and by what."""
    path = mutant["file"]
    with open(os.path.join(runner.home, path), encoding="utf-8", newline="") as file:
        text = apply(mutant, file.read())
    try:
        runner.put(path, text)
        built = False
        for test in related(mutant) + (generic(mutant) if everything else []):
            # A driver compiles by itself what it needs.
            if not built and not test.startswith("unit/"):
                said = runner.build(runner.copy)
                if said:
                    raise DoesNotBuild(said)
                built = True
            failed = runner.test(test)
            if failed:
                return "killed", f"{test}: {failed}"
        return "survived", mutant["breaks"]
    except DoesNotBuild as error:
        lines = [x for x in str(error).split("\n") if "error" in x]
        return "ERROR", "does not build: " + (lines or [""])[0][:200]
    finally:
        runner.restore(path)


def sound(runner, mutants):
    """Do the tests pass that the entries name, as long as nothing is changed?"""
    bad = {}
    for test in sorted({test for mutant in mutants for test in related(mutant)}):
        began = time.time()
        failed = runner.test(test)
        if failed:
            bad[test] = failed
        runner.usual[test] = time.time() - began
    for test, failed in bad.items():
        print(f"{test} fails without any mutant: {failed}", flush=True)
    return not bad


def run(patterns):
    began = time.time()
    mutants, problems = read_tables()
    chosen = [m for m in mutants if m.chosen(patterns)]
    if problems or not chosen:
        print("\n".join(problems) or f"no mutant is called {', '.join(patterns)}")
        return 1
    # An entry that is named runs, although it says that nothing can notice it.
    alone = [m for m in chosen if m.get("equivalent") and m["mutant"] not in patterns]
    chosen = [m for m in chosen if m not in alone]
    everything = os.environ.get("TPLUS_MUTANT_TESTS") != "related"
    runner = Runner()
    counts = {"killed": 0, "survived": 0, "ERROR": 0}
    try:
        said = runner.build(runner.copy)
        if said:
            print(said)
            return 1
        if os.environ.get("TPLUS_MUTANT_SOUND") != "no" and not sound(runner, chosen):
            return 1
        for mutant in chosen:
            started = time.time()
            outcome, why = try_one(runner, mutant, everything)
            counts[outcome] += 1
            print(f"{outcome:9} {mutant.name:44} {why} ({time.time() - started:.0f} s)", flush=True)
    finally:
        end_processes(runner.run)
        runner.build(runner.home)
    for mutant in alone:
        print(f"{'equal':9} {mutant.name:44} {mutant['equivalent']}")
    total = counts["killed"] + counts["survived"]
    print(f"{total} mutants: {counts['killed']} killed, {counts['survived']} survived "
          f"({100 * counts['killed'] / max(total, 1):.1f} % killed), {len(alone)} equivalent, "
          f"{counts['ERROR']} errors, {(time.time() - began) / 60:.1f} min")
    return 1 if counts["survived"] or counts["ERROR"] else 0


def main():
    if "--check" in sys.argv:
        return check("--tap" in sys.argv)
    if "--run" in sys.argv:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        signal.signal(signal.SIGHUP, lambda *_: sys.exit(1))
        return run([a for a in sys.argv[1:] if not a.startswith("--")])
    print(__doc__)
    return 2


if __name__ == "__main__":
    sys.exit(main())
