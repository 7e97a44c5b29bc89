"""The table of switches: every behaviour of T+ that the protocol leaves open.

A switch may be given plainly, or for one operation only as "Query.name" or
"QueryPage.name"; the specific form wins.  README.md's table must name every
switch here (test_sim.py compares the two).
"""


class SwitchError(ValueError):
    pass


class Switch:
    __slots__ = ("name", "kind", "values", "default", "page_default", "section", "help")

    def __init__(self, name, kind, default, section, text, values=(), page_default=None):
        self.name, self.kind, self.values = name, kind, tuple(values)
        self.default, self.section, self.help = default, section, text
        self.page_default = default if page_default is None else page_default

    def coerce(self, value):
        try:
            return getattr(self, "_" + self.kind)(value)
        except (TypeError, ValueError):
            allowed = "one of %s" % ", ".join(map(str, self.values)) if self.values else self.kind
            raise SwitchError("switch %s: %r is not %s" % (self.name, value, allowed)) from None

    def _choice(self, value):
        if isinstance(value, bool):
            value = "on" if value else "off"
        value = str(value)
        if value not in self.values:
            raise ValueError(value)
        return value

    def _bool(self, value):
        if isinstance(value, bool):
            return value
        word = str(value).lower()
        if word in ("true", "on", "yes", "1"):
            return True
        if word in ("false", "off", "no", "0"):
            return False
        raise ValueError(value)

    def _int(self, value):
        if isinstance(value, bool):
            raise ValueError(value)
        return int(value)

    def _float(self, value):
        return float(value)

    def _text(self, value):
        if isinstance(value, (dict, list)) or value is None:
            raise ValueError(value)
        return str(value)

    def _list(self, value):
        if isinstance(value, str):
            return [part.strip() for part in value.split(",") if part.strip()]
        if not isinstance(value, list):
            raise ValueError(value)
        return [str(part) for part in value]


def _choices(words):
    return words.split()


TABLE = [
    # the shape of an answer
    Switch("shape", "choice", "array", "3.1, 7#4", "where the rows stand in a reply",
           _choices("array Data data data.Rows result result_text value DataSource.Rows"), "Data"),
    Switch("total_count", "choice", "absent", "3.1", "TotalCount of a reply with an object as root",
           _choices("exact absent low high zero text page null"), "exact"),
    Switch("total_count_by", "int", 1, "3.1", "by how much low and high are wrong"),
    Switch("total_count_at", "choice", "first", "3.1", "TotalCount before or after the rows",
           _choices("first last")),
    Switch("envelope_code", "text", "", "4.2", "`code` of a good reply with an object as root, e.g. 0 or 200"),
    Switch("empty_reply", "choice", "auto", "7#5", "reply when no row matches; auto: the shape without rows",
           _choices("auto array object null string nothing")),
    Switch("tail_error", "choice", "off", "4.2", "an error code behind the rows of the last page or of all pages",
           _choices("off last all")),
    Switch("refs", "choice", "flat", "3.3, 7#6", "reference columns: InventoryClassCode, InventoryClass{Code} "
           "or \"InventoryClass.Code\"", _choices("flat nested dotted")),
    Switch("bools", "choice", "TrueFalse", "3.3, 7#7", "booleans: \"True\", \"true\", true, \"1\", 1 or 是",
           _choices("TrueFalse truefalse json 01 int cn")),
    Switch("numbers", "choice", "text6", "3.3, 7#7", "decimals: text with six digits, text as stored, JSON as "
           "stored, JSON with six digits, JSON with exponent", _choices("text6 text json json6 exp")),
    Switch("ids", "choice", "text", "3.3", "ID as \"15\" or 15", _choices("text int")),
    Switch("ts_key", "choice", "Ts", "3.3", "spelling of the row version's key", _choices("Ts TS")),
    Switch("ts_form", "choice", "lower", "3.3", "hex digits of the row version", _choices("lower upper")),
    Switch("nulls", "choice", "null", "3.3", "a null value: null, \"\" or no key", _choices("null empty absent")),
    Switch("dates", "choice", "date", "3.3", "dates: 2024-01-31, 2024-01-31 00:00:00, 2024-01-31T00:00:00, "
           "2024/1/31 0:00:00, /Date(1706630400000)/, 2024-01-31T00:00:00.0000000+08:00, 2024-01-30T16:00:00Z or "
           "2024-01-31 00:00:00 CST", _choices("date datetime t slash ticks offset utc cst")),
    Switch("no_date", "choice", "null", "3.3", "a date that is none: like other nulls, or 0001-01-01",
           _choices("null first")),
    Switch("tax_rate", "choice", "number", "3.3", "TaxRate as a number or as TaxRate{Code,Name}",
           _choices("number enum")),
    Switch("custom_fields", "choice", "inline", "3.3", "priuserdef* as keys, or in DynamicPropertyKeys/Values",
           _choices("inline dynamic")),
    Switch("escape", "choice", "utf8", "7#28", "other than ASCII as UTF-8 or as \\u escapes", _choices("utf8 ascii")),
    Switch("spacing", "choice", "compact", "-", "white space: none, blanks after : and , or rows on lines",
           _choices("compact spaced lines")),
    Switch("bom", "bool", False, "-", "a byte order mark before the body"),
    Switch("content_type", "text", "application/json;charset=UTF-8", "1.3", "Content-Type of replies"),
    # SelectFields
    Switch("select_fields", "choice", "honoured", "7#13", "ignored: always the whole DTO", _choices("honoured ignored")),
    Switch("unknown_select", "choice", "ignored", "3.2", "an unknown name in SelectFields: left out, error 999, "
           "or a key with null", _choices("ignored error null")),
    Switch("select_case", "choice", "insensitive", "3.2", "names in SelectFields", _choices("insensitive exact")),
    Switch("default_fields", "list", [], "7#13", "fields without SelectFields; empty: all"),
    Switch("drop_fields", "list", [], "3.3", "fields that never come, or only when null (drop_when)"),
    Switch("drop_when", "choice", "always", "3.3", "when drop_fields are left out", _choices("always null")),
    # filters
    Switch("disabled_default", "choice", "enabled", "3.5, 7#12", "without Disabled: enabled records, or all",
           _choices("enabled all")),
    Switch("bool_json", "choice", "match", "7#8", "a boolean filter given as true/false",
           _choices("match ignored none error")),
    Switch("bool_text", "choice", "match", "7#8", "... as \"True\"/\"false\"", _choices("match ignored none error")),
    Switch("bool_01", "choice", "match", "7#8", "... as \"1\"/\"0\"", _choices("match ignored none error")),
    Switch("bool_int", "choice", "match", "7#8", "... as 1/0", _choices("match ignored none error")),
    Switch("made_compare", "choice", "eq", "3.2, 7#9", "how MadeRecordDate compares",
           _choices("eq ge gt le lt ignored error")),
    Switch("made_zone", "choice", "local", "7#27", "the day compared is the one in China or in UTC",
           _choices("local utc")),
    Switch("made_time", "bool", False, "3.2", "MadeRecordDate is stored with a time of day and compared so"),
    Switch("text_match", "choice", "ci", "3.2", "ci: no case, no width, no trailing blanks; cs: no trailing "
           "blanks; exact", _choices("ci cs exact")),
    Switch("like_percent", "bool", True, "3.2", "a text filter with % is a LIKE"),
    Switch("like_wildcards", "choice", "with_percent", "3.2", "_ and [ are wild: beside a %, always, never",
           _choices("with_percent always off")),
    Switch("empty_filter", "choice", "ignored", "3.2", "a filter \"\"", _choices("ignored match")),
    Switch("update_dates", "choice", "ignored", "3.2, 7#10", "UpdateDateBegin and UpdateDateEnd",
           _choices("ignored honoured")),
    Switch("ts_compare", "choice", "gt", "3.1, 7#11", "how Ts compares", _choices("gt ge eq ignored error")),
    Switch("unknown_param", "choice", "ignored", "3.2", "a parameter that nobody knows", _choices("ignored error")),
    Switch("ignored_params", "list", [], "3.2", "parameters that the server overlooks"),
    Switch("barren_params", "list", [], "3.2", "parameters whose values match no record"),
    Switch("id_filter", "choice", "any", "3.2", "an ID that matches: any, only a string, only a number",
           _choices("any string number")),
    Switch("param_case", "choice", "insensitive", "1.3", "names of parameters", _choices("insensitive exact")),
    Switch("relaxed_json", "bool", False, "1.3", "accept unquoted keys and single quotes"),
    # order and paging
    Switch("order", "choice", "ts", "3.1", "order of the rows; random is stable, unstable is not",
           _choices("ts ts_desc code id random unstable"), "code"),
    Switch("page_index", "choice", "ignored", "3.1, 7#1", "PageIndex", _choices("honoured ignored error"), "honoured"),
    Switch("page_base", "int", 1, "7#2", "number of the first page"),
    Switch("past_end", "choice", "empty", "3.1", "a page behind the last one", _choices("empty last first error")),
    Switch("page_size", "choice", "honoured", "3.1", "PageSize; ignored: default_page_size counts",
           _choices("honoured ignored")),
    Switch("default_page_size", "int", 0, "3.1, 7#3", "rows without PageSize; 0: all, whatever max_rows", (), 20),
    Switch("max_rows", "int", 1000, "3.1, 7#3", "a page has at most so many rows; 0: no cap"),
    Switch("max_bytes", "int", 0, "7#3", "the rows of a page have at most so many bytes; 0: no cap"),
    Switch("over_cap", "choice", "cap", "7#3", "a PageSize above max_rows", _choices("cap error")),
    Switch("offset_from", "choice", "capped", "7#3", "offset of a page: PageIndex times the size served or asked",
           _choices("capped asked")),
    # transport
    Switch("path_case", "choice", "exact", "1.1, 7#30", "case of the path", _choices("exact insensitive")),
    Switch("gzip", "choice", "off", "1.2, 7#28", "gzip; on: if the client accepts it", _choices("off on always")),
    Switch("transfer", "choice", "length", "-", "Content-Length, chunked, or until the connection closes",
           _choices("length chunked close")),
    Switch("chunk_bytes", "int", 16384, "-", "size of a chunk"),
    Switch("keepalive_max", "int", 0, "-", "requests on a connection before it is closed; 0: no limit"),
    Switch("latency_ms", "float", 0.0, "1.2", "time to the first byte of a business reply"),
    Switch("latency_row_ms", "float", 0.0, "1.2", "more time for each row"),
    Switch("rate_limit", "float", 0.0, "4.3", "business requests per second; 0: no limit"),
    Switch("rate_burst", "int", 1, "4.3", "requests that may come at once under rate_limit"),
    Switch("max_concurrent", "int", 0, "4.3", "business requests in flight before they are refused; 0: no limit"),
    Switch("rate_status", "choice", "429", "4.1", "how the two limits refuse", _choices("429 409")),
    Switch("rate_retry_after", "float", -1.0, "4.1", "seconds of Retry-After; negative: no such header"),
    Switch("rate_retry_form", "choice", "seconds", "4.1", "Retry-After as number or date", _choices("seconds date")),
    Switch("quota", "int", 0, "4.1", "business requests before 401/50112; 0: no quota"),
    # authentication
    Switch("auth", "bool", True, "1.3", "check app key, secret and token"),
    Switch("known_app", "bool", True, "2.2", "false: the app key is refused with 4002"),
    Switch("app_secret", "text", "sim-secret", "1.3", "the application's secret"),
    Switch("business_secret", "choice", "if_sent", "1.3", "appSecret of a business call",
           _choices("if_sent required ignored")),
    Switch("open_tokens", "list", ["sim-open-token"], "2.4", "static access tokens"),
    Switch("refresh_token", "text", "sim-refresh-token", "2.2", "the first refresh token"),
    Switch("auth_code", "text", "sim-code", "2.2", "the first one-time code"),
    Switch("code_ttl", "int", 600, "2.2", "seconds that a one-time code lives"),
    Switch("certificate", "text", "sim-certificate", "2.3", "certificate of the self-built app"),
    Switch("app_ticket", "text", "sim-app-ticket", "2.4", "the first appTicket"),
    Switch("ticket_ttl", "int", 1800, "2.4", "seconds that an appTicket lives"),
    Switch("resend_interval", "float", 60.0, "2.4", "seconds between two resends before 409"),
    Switch("message_secret", "text", "sim-message-key1", "2.4", "16 characters, the key of pushed messages"),
    Switch("expires_in", "int", 518400, "2.2", "seconds that an access token lives"),
    Switch("refresh_expires_in", "int", 2505600, "2.2", "seconds that a refresh token lives"),
    Switch("refresh_ms", "float", 0.0, "2.2", "how long a token call takes"),
    Switch("refresh_commit", "choice", "end", "2.2", "the pair changes at the start or the end of refresh_ms",
           _choices("start end")),
    Switch("token_refused", "text", "403/50107", "4.1, 7#18", "status/code for a dead access token"),
    Switch("refresh_refused", "text", "401/4007", "7#18", "status/code for a dead refresh token or code"),
    Switch("concurrent_refused", "text", "200/14002", "2.2", "status/code for two token calls at once"),
    Switch("token_error_status", "int", 200, "2.2", "HTTP status of 4001, 4002, 4003, 4008"),
    Switch("access_survives", "bool", False, "7#17", "a renewal leaves the old access token alive"),
    Switch("refresh_survives", "bool", False, "7#16", "a renewal leaves the old refresh token alive"),
    Switch("token_code", "choice", "text", "2.2", "`code` of a token reply", _choices("text number")),
    Switch("token_numbers", "choice", "number", "2.2", "expires_in of a token reply", _choices("number text")),
    Switch("token_omit", "list", [], "2.2", "fields missing in a token reply"),
    Switch("self_built_down", "bool", False, "2.3", "generateToken cannot reach the customer's T+ (4028)"),
]

BY_NAME = {switch.name: switch for switch in TABLE}
OPERATIONS = ("Query", "QueryPage")


class Settings:
    """The switches of one tenant; settings.of(operation) is a plain dict."""

    def __init__(self, given=None):
        self.given = {}
        self._views = {}
        self.update(given or {})

    def update(self, given):
        if not isinstance(given, dict):
            raise SwitchError("switches must be an object")
        checked = {}
        for name, value in given.items():
            operation, _, plain = name.rpartition(".")
            if operation and operation not in OPERATIONS:
                raise SwitchError("unknown switch %s" % name)
            if plain not in BY_NAME:
                raise SwitchError("unknown switch %s" % name)
            # null returns a switch to its default
            checked[name] = None if value is None else BY_NAME[plain].coerce(value)
        for name, value in checked.items():
            if value is None:
                self.given.pop(name, None)
            else:
                self.given[name] = value
        self._views = {}

    def of(self, operation="Query"):
        view = self._views.get(operation)
        if view is None:
            page = operation == "QueryPage"
            view = {s.name: s.page_default if page else s.default for s in TABLE}
            for name, value in self.given.items():
                if "." not in name:
                    view[name] = value
            for name, value in self.given.items():
                where, _, plain = name.rpartition(".")
                if where and where == operation:
                    view[plain] = value
            self._views[operation] = view
        return view

    def copy(self):
        return Settings(dict(self.given))
