"""lint.py [--tap]: what a machine can hold of this project's conventions.

A rule looks at a tree (path -> text) and yields findings (path, line, text).
Each rule carries samples that it must flag and samples that it must pass; a
rule that fails its own samples fails the lint.  Exceptions to the length rules
stand in exceptions.txt, with a reason.
"""
import fnmatch
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))

FLOORS = ["base", "net", "tplus", "fdw"]        # lowest first
MAX_FILE, MAX_FUNCTION = 600, 60
HEADER_ONLY = {"src/base/compat.h", "src/base/version.h", "src/net/budget.h"}

RULES = []


def rule(name, bad, good=()):
    """Registers a rule; a sample is C text of src/net/x.c, or a tree."""
    def register(check):
        RULES.append((name, check, bad, good))
        return check
    return register


# ---------------------------------------------------------------- reading C

TOKEN = re.compile(r'''//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*\'''', re.S)


def blank(text):
    return re.sub(r"[^\n]", " ", text)


def code(text):
    """Comments and the insides of literals blanked out; positions stay."""
    def hide(match):
        token = match.group()
        if token[0] == "/":
            return blank(token)
        return token[0] + blank(token[1:-1]) + token[-1]
    return TOKEN.sub(hide, text)


def without_comments(text):
    return TOKEN.sub(lambda m: blank(m.group()) if m.group()[0] == "/" else m.group(), text)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def includes(text):
    for match in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]',
                             without_comments(text), re.M):
        yield line_of(text, match.start()), match.group(1) == '"', match.group(2)


def functions(text):
    """(name, line, length, head) of each definition, in PostgreSQL's layout."""
    lines = code(text).split("\n")
    for number, line in enumerate(lines):
        if line.rstrip() != "{":
            continue
        first = number
        while first > 0 and lines[first - 1].strip() and \
                not re.search(r"[;}]\s*$|^#|^PG_FUNCTION_INFO", lines[first - 1]):
            first -= 1
        head = "\n".join(lines[first:number])
        name = re.search(r"^(?!pg_attribute)(\w+)\(", head, re.M) or \
            re.search(r"^[\w \t*]*[ \t*](\w+)\(", head, re.M)
        if not name or re.match(r"\s*(typedef|struct|enum|union)\b[^(]*$", head):
            continue
        last = next((n for n in range(number, len(lines)) if lines[n].rstrip() == "}"),
                    len(lines) - 1)
        start = first + head.count("\n", 0, name.start(1))
        yield name.group(1), start + 1, last - start + 1, head


def calls(text, pattern):
    """(line, name, inside) of each call whose name matches; inside is raw text."""
    plain = code(text)
    for match in re.finditer(r"\b(" + pattern + r")\s*\(", plain):
        depth, position = 1, match.end()
        while depth and position < len(plain):
            depth += {"(": 1, ")": -1}.get(plain[position], 0)
            position += 1
        yield line_of(text, match.start()), match.group(1), text[match.end():position - 1]


def messages(text, pattern):
    """(line, name, message) for each literal message argument of a call."""
    for line, name, inside in calls(text, pattern):
        # A literal may go on with a macro such as INT64_FORMAT.
        for literal in re.findall(r'"(?:\\.|[^"\\\n])*"(?:\s*(?:"(?:\\.|[^"\\\n])*"|[A-Z]\w+))*',
                                  without_comments(inside)):
            parts = re.findall(r'"((?:\\.|[^"\\\n])*)"', literal)
            yield line, name, "".join(parts)
            if not name.endswith("_plural"):
                break


def sources(tree, suffixes=(".c", ".h")):
    """Files of the extension itself."""
    for path in sorted(tree):
        if path.endswith(suffixes) and (path.startswith("src/") or "/" not in path):
            yield path, tree[path]


def all_c(tree):
    for path in sorted(tree):
        if path.endswith((".c", ".h")):
            yield path, tree[path]


def floor_of(path):
    match = re.match(r"(?:src/)?(\w+)/", path)
    return FLOORS.index(match.group(1)) if match and match.group(1) in FLOORS else None


# ------------------------------------------------------------ the structure

@rule("includes go down the floors",
      bad=[{"src/net/x.c": '#include "tplus/call.h"\n', "src/tplus/call.h": ""},
           {"src/base/x.h": '#include "net/http.h"\n', "src/net/http.h": ""}],
      good=[{"src/fdw/x.c": '#include "base/wait.h"\n', "src/base/wait.h": ""},
            {"src/net/x.c": '#include "net/y.h"\n', "src/net/y.h": ""},
            {"tplus_fdw.c": '#include "fdw/plan.h"\n', "src/fdw/plan.h": ""}])
def floors(tree):
    for path, text in sources(tree):
        own = floor_of(path)
        if own is None:
            continue
        for line, quoted, name in includes(text):
            target = floor_of(name) if quoted else None
            if target is not None and target > own:
                yield path, line, f'{FLOORS[own]} includes "{name}" from a higher floor'


@rule("own headers are named floor/room.h",
      bad=[{"src/net/x.c": '#include "y.h"\n', "src/net/y.h": ""},
           {"src/net/x.c": '#include "../base/y.h"\n', "src/base/y.h": ""},
           {"src/net/x.c": '#include "base/nowhere.h"\n'}],
      good=[{"src/net/x.c": '#include "postgres.h"\n#include "net/y.h"\n', "src/net/y.h": ""}])
def header_names(tree):
    rooms = {os.path.basename(p) for p in tree if p.startswith("src/") and p.endswith(".h")}
    for path, text in sources(tree):
        for line, quoted, name in includes(text):
            if not quoted:
                continue
            if name.startswith(".") or ("/" not in name and name in rooms):
                yield path, line, f'"{name}" should be written floor/room.h'
            elif floor_of(name) is not None and "src/" + name not in tree:
                yield path, line, f'"{name}" does not exist'


@rule("rooms of a floor include each other without a cycle",
      bad=[{"src/net/a.h": '#include "net/b.h"\n', "src/net/b.c": '#include "net/a.h"\n',
            "src/net/b.h": ""}],
      good=[{"src/net/a.h": '#include "net/b.h"\n', "src/net/b.h": "",
             "src/net/a.c": '#include "net/a.h"\n'}])
def cycles(tree):
    edges = {}
    for path, text in sources(tree):
        if floor_of(path) is None:
            continue
        room = os.path.splitext(path)[0]
        for line, quoted, name in includes(text):
            other = "src/" + os.path.splitext(name)[0]
            if quoted and floor_of(name) == floor_of(path) and other != room:
                edges.setdefault(room, {}).setdefault(other, (path, line))
    done = set()

    def visit(room, trail):
        if room in trail:
            loop = trail[trail.index(room):] + [room]
            path, line = edges[trail[-1]][room]
            yield path, line, "cycle: " + " > ".join(loop)
        elif room not in done:
            for other in edges.get(room, {}):
                yield from visit(other, trail + [room])
            done.add(room)

    for room in list(edges):
        yield from visit(room, [])


@rule("curl is included by net/http*.c alone",
      bad=["#include <curl/curl.h>\n", "#include <curl/multi.h>\n",
           {"src/net/http_x.h": "#include <curl/curl.h>\n"}],
      good=[{"src/net/http.c": "#include <curl/curl.h>\n"}, "/* #include <curl/curl.h> */\n",
            {"src/net/http_x.c": "#include <curl/curl.h>\n"}])
def curl_alone(tree):
    yield from single_includer(tree, r"curl/", "src/net/http*.c")


@rule("versions of PostgreSQL are told apart in base/compat.h alone",
      bad=["#if PG_VERSION_NUM >= 170000\n", "int x = PG_VERSION_NUM;\n"],
      good=[{"src/base/compat.h": "#if PG_VERSION_NUM >= 170000\n#endif\n"}, "/* PG_VERSION_NUM */\n"])
def versions(tree):
    for path, text in sources(tree):
        if path != "src/base/compat.h":
            for match in re.finditer(r"\bPG_VERSION_NUM\b", code(text)):
                yield path, line_of(text, match.start()), "use or add a name in base/compat.h"


@rule("cJSON is included by net/json.c alone",
      bad=["#include <cjson/cJSON.h>\n", "#include <cJSON.h>\n"],
      good=[{"src/net/json.c": "#include <cjson/cJSON.h>\n"}])
def cjson_alone(tree):
    yield from single_includer(tree, r"(cjson/)?cJSON", "src/net/json.c")


@rule("zlib is included by net/http_decode.c alone",
      bad=["#include <zlib.h>\n"],
      good=[{"src/net/http_decode.c": "#include <zlib.h>\n"}])
def zlib_alone(tree):
    yield from single_includer(tree, r"zlib", "src/net/http_decode.c")


def single_includer(tree, pattern, owner):
    for path, text in sources(tree):
        for line, _, name in includes(text):
            if not fnmatch.fnmatchcase(path, owner) and re.match(pattern, name):
                yield path, line, f"only {owner} includes {name}"


@rule("postgres.h comes first where it is included",
      bad=['#include <stdio.h>\n#include "postgres.h"\n'],
      good=['#include "postgres.h"\n#include <stdio.h>\n', "#include <stdint.h>\n"])
def postgres_first(tree):
    for path, text in sources(tree, (".c",)):
        found = list(includes(text))
        for line, _, name in found[1:]:
            if name == "postgres.h":
                yield path, line, "postgres.h is not the first include"


@rule("a .c file has a header of its room and includes it",
      bad=[{"src/net/x.c": "int y;\n"}, {"src/net/x.h": ""},
           {"src/net/x.c": "int y;\n", "src/net/x.h": ""}],
      good=[{"src/net/x.c": '#include "net/x.h"\n', "src/net/x.h": ""},
            {"src/net/x.c": '#include "net/x.h"\n', "src/net/x.h": "",
             "src/net/x_more.c": '#include "net/x.h"\n'}])
def own_header(tree):
    for path, text in sources(tree):
        stem, suffix = os.path.splitext(path)
        if not path.startswith("src/"):
            continue
        if suffix == ".h":
            if path not in HEADER_ONLY and stem + ".c" not in tree:
                yield path, 1, "a header without its .c file"
            continue
        owners = [stem]
        while "_" in os.path.basename(owners[-1]):
            owners.append(owners[-1].rsplit("_", 1)[0])
        header = next((o + ".h" for o in owners if o + ".h" in tree), None)
        if header is None:
            yield path, 1, "a .c file without its header"
        elif not any("src/" + name == header for _, _, name in includes(text)):
            yield path, 1, f"does not include {header}"


@rule("header guards are TPLUS_ROOM_H",
      bad=[{"src/net/http.h": "#ifndef HTTP_H\n#define HTTP_H\n#endif\n"},
           {"src/net/http.h": "int x;\n"}],
      good=[{"src/net/http.h": "/* x */\n#ifndef TPLUS_HTTP_H\n#define TPLUS_HTTP_H\n#endif\n"}])
def guards(tree):
    for path, text in sources(tree, (".h",)):
        guard = "TPLUS_" + os.path.basename(path)[:-2].upper().replace("TPLUS_", "") + "_H"
        if not re.search(rf"^#ifndef {guard}\n#define {guard}$", code(text), re.M):
            yield path, 1, f"the guard is not {guard}"


@rule("prototypes stand in headers",
      bad=["extern int tplus_x(void);\n"],
      good=[{"src/net/x.h": "extern int tplus_x(void);\n"}])
def no_extern(tree):
    for path, text in sources(tree, (".c",)):
        for match in re.finditer(r"^[ \t]*extern\b", code(text), re.M):
            yield path, line_of(text, match.start()), "extern in a .c file"


@rule("exported functions begin with tplus_",
      bad=["int\nget_connection(void)\n{\n}\n", "int\nread_it(int a,\n\t\tint b)\n{\n}\n",
           "void\npg_attribute_noreturn()\nfail(int a)\n{\n}\n"],
      good=["static int\nget_connection(void)\n{\n}\n", "void pg_attribute_noreturn()\ntplus_fail(int a)\n{\n}\n",
            "Datum\ntplus_ping(PG_FUNCTION_ARGS)\n{\n}\n",
            "void\n_PG_init(void)\n{\n}\n", "static const struct x y[] =\n{\n\tFOO(1)\n};\n",
            {"src/fdw/x.c": "void\ntplusGetForeignRelSize(void)\n{\n}\n"}])
def exported(tree):
    for path, text in sources(tree, (".c",)):
        # The wrapper's callbacks keep the shape that readers search for.
        allowed = r"tplus_|_PG_init$" + ("|tplus[A-Z]" if floor_of(path) == 3 else "")
        for name, line, _, head in functions(text):
            if not re.search(r"\bstatic\b", head) and not re.match(allowed, name):
                yield path, line, f"{name} is exported without tplus_"


# -------------------------------------------------------------------- style

@rule("a file has at most 600 lines",
      bad=["int x;\n" * 601], good=["int x;\n" * 600])
def file_length(tree):
    for path, text in all_c(tree):
        length = text.count("\n")
        if length > MAX_FILE:
            yield path, 1, f"{length} lines", length, path


@rule("a function has at most 60 lines",
      bad=["static int\nf(void)\n{\n" + "\tg();\n" * 58 + "}\n"],
      good=["static int\nf(void)\n{\n" + "\tg();\n" * 57 + "}\n"])
def function_length(tree):
    for path, text in all_c(tree):
        for name, line, length, _ in functions(text):
            if length > MAX_FUNCTION:
                yield path, line, f"{name} has {length} lines", length, f"{path}:{name}"


@rule("comments are /* */",
      bad=["int x;\t// why\n"], good=['char *u = "http://x";\t/* http://x */\n'])
def comment_style(tree):
    for path, text in all_c(tree):
        for match in TOKEN.finditer(text):
            if match.group().startswith("//"):
                yield path, line_of(text, match.start()), "a // comment"


BANNED = {
    "sprintf": "snprintf or a StringInfo", "vsprintf": "vsnprintf", "strcpy": "strlcpy",
    "strcat": "strlcat or a StringInfo", "strncpy": "strlcpy", "strncat": "strlcat",
    "atoi": "strtoint or parse_int", "atol": "strtol with its checks", "atoll": "strtoi64",
    "atof": "strtod with its checks", "strtok": "strchr", "sscanf": "a parser", "gets": "fgets",
    "system": "nothing", "popen": "nothing", "setjmp": "PG_TRY", "sigsetjmp": "PG_TRY",
    "longjmp": "ereport", "siglongjmp": "ereport", "printf": "ereport", "fprintf": "ereport",
    "vprintf": "ereport", "vfprintf": "ereport", "puts": "ereport", "fputs": "ereport",
    "alloca": "palloc", "exit": "ereport", "abort": "ereport", "sleep": "base/wait",
    "usleep": "base/wait", "pg_usleep": "base/wait", "select": "base/wait", "getenv": "an option",
}


@rule("banned calls",
      bad=[f"void f(void)\n{{\n\t{name}(x);\n}}\n" for name in BANNED],
      good=["snprintf(b, n, f);\nmy_system(x);\n/* strcpy(a, b) */\nchar *s = \"atoi(x)\";\n",
            "proc_exit(0);\nappendStringInfoString(b, c);\n"])
def banned(tree):
    pattern = "|".join(BANNED)
    for path, text in sources(tree):
        for line, name, _ in calls(text, pattern):
            yield path, line, f"{name}() is banned; use {BANNED[name]}"


# ----------------------------------------------------------------- messages

@rule("an error has an errcode",
      bad=['ereport(ERROR,\n\t\t(errmsg("no (way)")));\n', 'ereport(ERROR, errmsg("x"), errhint("Y."));\n'],
      good=['ereport(ERROR,\n\t\t(errcode(ERRCODE_X),\n\t\t errmsg("no (way)")));\n',
            'ereport(WARNING, errmsg("x"));\n', 'elog(ERROR, "cannot happen");\n'])
def errcodes(tree):
    for path, text in sources(tree):
        for line, _, inside in calls(text, "ereport"):
            if re.match(r"\s*(ERROR|FATAL|PANIC)\b", inside) and "errcode" not in code(inside):
                yield path, line, "ereport without errcode"


@rule("messages have a literal format",
      bad=["errmsg(text)", "errhint(hint)", "elog(ERROR, text)", "errdetail_internal(x)"],
      good=['errmsg("%s", text)', 'errmsg_plural("a", "b", n)', 'elog(ERROR, "x %d", y)',
            'errmsg_internal("%s", x)', 'errmsg(_("x"))', 'errhint(TPLUS_HINT)',
            'errmsg("x " UINT64_FORMAT, y)'])
def literal_formats(tree):
    names = "errmsg|errmsg_plural|errmsg_internal|errdetail|errdetail_internal|" \
        "errdetail_log|errdetail_plural|errhint|errhint_plural|errcontext|elog"
    for path, text in sources(tree):
        for line, name, inside in calls(text, names):
            argument = inside.split(",", 1)[-1] if name == "elog" else inside
            if not re.match(r'\s*(_\(\s*)?("|[A-Z][A-Z0-9_]+\b)', without_comments(argument)):
                yield path, line, f"{name}() without a literal format"


BAD_WORDS = re.compile(r"\b(unable|illegal|can't|couldn't|don't|won't|isn't|please)\b", re.I)


@rule("primary messages: lower case, one line, no period",
      bad=['errmsg("Could not fetch")', 'errmsg("could not fetch.")', 'errmsg("a\\n")',
           'errmsg("no column \'%s\'", x)', 'errmsg("unable to fetch")', 'errmsg("so long!")',
           'errmsg_plural("one", "Many", n)', 'errmsg("could not "\n\t"fetch.")'],
      good=['errmsg("could not fetch page %d of \\"%s\\"", a, b)', 'errmsg("T+ refused the call")',
            'errmsg("SelectFields is empty")', 'errmsg("JSON is broken")', 'errmsg("%s", x)',
            'errhint("Check it.")', 'errmsg("could not parse", "Ignored.")'])
def primary(tree):
    for path, text in sources(tree):
        for line, _, message in messages(text, "errmsg|errmsg_plural"):
            word = re.match(r"[A-Z]\S*", message)
            if word and not re.search(r"[^a-z]", word.group()[1:].rstrip(",:;")):
                yield path, line, f'"{message}" starts with a capital'
            if re.search(r"[.!]$", message) or "\\n" in message:
                yield path, line, f'"{message}" ends like a sentence or has several lines'
            if "'%s'" in message:
                yield path, line, f'"{message}" should have double quotes'
            if BAD_WORDS.search(message):
                yield path, line, f'"{message}": could not, cannot, invalid; no contractions'


@rule("details and hints are sentences",
      bad=['errhint("check it.")', 'errdetail("The server said no")', 'errhint("Really!")',
           'errdetail("The option \\"%s\\" "\n\t"is odd", x)'],
      good=['errhint("Check \\"%s\\".", x)', 'errdetail("%s", x)', 'errdetail("Page %d.", n)',
            'errhint("\\"%s\\" is odd.", x)', 'errdetail_internal("%s", x)', 'errhint("%s.", x)',
            'errhint("Did you mean it?")', 'errhint("%s", cond ? "x" : "y")',
            'errdetail("It has " INT64_FORMAT " rows.", n)'])
def sentences(tree):
    names = "errdetail|errdetail_log|errdetail_plural|errhint|errhint_plural"
    for path, text in sources(tree):
        for line, name, message in messages(text, names):
            if re.fullmatch(r"(%s ?)+", message):
                continue
            if re.match(r"[a-z]", message):
                yield path, line, f'{name} "{message}" starts in lower case'
            if not re.search(r"[.?]\)?$", message) or "\\n" in message:
                yield path, line, f'{name} "{message}" is not a sentence'


# --------------------------------------------------------------- whole tree

# Put together here, so that this file does not name what it forbids.
HOSTS = ["deb." + "debian.org", "security." + "debian.org", "pypi" + ".org",
         "pythonhosted" + ".org", "registry." + "npmjs", "crates" + ".io",
         "proxy." + "golang.org", "repo." + "maven", "apt." + "postgresql.org",
         "docker" + ".io"]
LOCAL = r"(?<![\w.$}/])/(" + "wo" + "rk|ro" + "ot)/"


@rule("no paths of one machine, no package registries",
      bad=[{"x.md": "see /wo" + "rk/shared\n"}, {"x.sh": "cd /ro" + "ot/x\n"},
           {"x.sh": "fetch https://pypi" + ".org/simple\n"}],
      good=[{"x.md": "homework/x, src/network/y and $dir/wo" + "rk/x\n"}])
def local_paths(tree):
    pattern = re.compile(LOCAL + "|" + "|".join(map(re.escape, HOSTS)))
    for path in sorted(tree):
        for match in pattern.finditer(tree[path]):
            yield path, line_of(tree[path], match.start()), f'"{match.group()}" does not belong here'


@rule("no marks of an unresolved merge",
      bad=[{"x.md": "a\n" + "<" * 7 + " HEAD\nb\n"}, {"x.out": ">" * 7 + " 1a2b3c4 (Said so)\n"},
           {"x.sql": "|" * 7 + " base\n"}, {"x": "<" * 7}],
      good=[{"x.md": "Title\n=======\n"}, {"x.md": "see " + "<" * 7 + " HEAD\n"}, {"x.out": "<" * 8 + "\n"}])
def merge_marks(tree):
    for path in sorted(tree):
        for match in re.finditer(r"^(<{7}|>{7}|\|{7})(?=[ \r\n]|$)", tree[path], re.M):
            yield path, line_of(tree[path], match.start()), "the merge is not resolved"


@rule("no trailing blanks, a newline at the end",
      bad=[{"x.py": "a \n"}, {"x.sql": "a"}, {"x.c": "\ta\t\n"}],
      good=[{"x.out": "a \n"}, {"corpus/x": "a "}, {"x.py": "a\n"}, {"x.md": "a  \n"}, {"empty.h": ""}])
def blanks(tree):
    for path in sorted(tree):
        text = tree[path]
        if not re.search(r"(\.(c|h|py|sh|pl|pm|sql|md|control)|Makefile|/run)$", path):
            continue            # output and test data are what they are
        if not path.endswith(".md"):
            for match in re.finditer(r"[ \t]+$", text, re.M):
                yield path, line_of(text, match.start()), "trailing blanks"
        if text and not text.endswith("\n"):
            yield path, line_of(text, len(text)), "no newline at the end"


@rule("every regression test is listed and has its output",
      bad=[{"Makefile": "REGRESS = a\n", "sql/a.sql": ""},
           {"Makefile": "REGRESS = a\n", "expected/a.out": ""},
           {"Makefile": "REGRESS = a \\\n\tb\nX = c\n", "sql/a.sql": "", "expected/a.out": "",
            "sql/b.sql": "", "expected/b.out": "", "sql/c.sql": ""}],
      good=[{"Makefile": "REGRESS = a \\\n\tb\n", "sql/a.sql": "", "expected/a.out": "",
             "sql/b.sql": "", "expected/b_1.out": "", "expected/b.out": "", "sql/x--1.0.sql": ""}])
def regress_listed(tree):
    match = re.search(r"^REGRESS *=((?:.*\\\n)*.*)$", tree.get("Makefile", ""), re.M)
    if not match:
        return
    listed = match.group(1).replace("\\\n", " ").split()
    for name in listed:
        for path in (f"sql/{name}.sql", f"expected/{name}.out"):
            if path not in tree:
                yield "Makefile", 1, f"{path} does not exist"
    for path in sorted(tree):
        test = re.fullmatch(r"sql/((?:(?!--).)+)\.sql", path)
        if test and test.group(1) not in listed:
            yield path, 1, "not in REGRESS"


# -------------------------------------------------------------------- frame

def read_tree():
    command = ["git", "-c", "safe.directory=" + TOP, "-C", TOP, "ls-files", "-z",
               "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, capture_output=True, check=True).stdout
        paths = [p for p in listed.decode().split("\0") if p]
    except (OSError, subprocess.CalledProcessError):
        paths = [os.path.relpath(os.path.join(folder, name), TOP)
                 for folder, _, names in os.walk(TOP) for name in names
                 if not re.search(r"/(\.git|results|tmp_check|log|__pycache__)(/|$)", folder)]
    tree = {}
    for path in paths:
        try:
            with open(os.path.join(TOP, path), encoding="utf-8", newline="") as file:
                tree[path] = file.read()
        except (OSError, UnicodeDecodeError):
            continue            # gone, or not text
    return tree


def read_exceptions(text):
    """key -> limit; complains about lines without a reason."""
    limits, problems = {}, []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = line.split(None, 2)
        if len(fields) < 3 or not fields[1].isdigit():
            problems.append(("test/lint/exceptions.txt", number, "not: what limit reason"))
        else:
            limits[fields[0]] = int(fields[1])
    return limits, problems


def sample_tree(sample):
    return sample if isinstance(sample, dict) else {"src/net/x.c": sample}


def self_test(name, check, bad, good):
    for sample in bad:
        if not list(check(sample_tree(sample))):
            yield "test/lint/lint.py", 1, f"rule does not flag its bad sample {sample!r:.200}"
    for sample in good:
        for finding in check(sample_tree(sample)):
            yield "test/lint/lint.py", 1, f"rule flags its good sample {sample!r:.200}: {finding}"


def main():
    tap = "--tap" in sys.argv
    tree = read_tree()
    limits, problems = read_exceptions(tree.get("test/lint/exceptions.txt", ""))
    used, results = set(), []
    for name, check, bad, good in RULES:
        results.append((f"the rule catches its samples: {name}",
                        list(self_test(name, check, bad, good))))
        findings = []
        for path, line, text, *excepted in check(tree):
            if excepted and limits.get(excepted[1], 0) >= excepted[0]:
                used.add(excepted[1])
            else:
                findings.append((path, line, text))
        results.append((name, findings))
    problems += [("test/lint/exceptions.txt", 1, f"{key} is not needed any more")
                 for key in limits if key not in used]
    results.append(("every exception is needed and has a reason", problems))

    for number, (name, findings) in enumerate(results, 1):
        if tap:
            print(f"{'not ok' if findings else 'ok'} {number} - {name}", flush=True)
        for path, line, text in findings:
            print(f"{path}:{line}: {text}  [{name}]", file=sys.stderr, flush=True)
    count = sum(len(findings) for _, findings in results)
    if tap:
        print(f"1..{len(results)}")
    elif not count:
        print(f"lint: {len(RULES)} rules, {len(tree)} files, nothing found")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
