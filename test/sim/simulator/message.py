"""Requests, replies and the error bodies of the gateway and of T+."""

import json

REASONS = {200: "OK", 301: "Moved Permanently", 302: "Found", 307: "Temporary Redirect", 308: "Permanent Redirect",
           400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
           409: "Conflict", 413: "Payload Too Large", 429: "Too Many Requests", 500: "Internal Server Error",
           502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout", 999: "Unknown"}


class Request:
    __slots__ = ("method", "target", "path", "query", "headers", "head", "body", "version", "_json")

    def __init__(self, method, target, path, query, headers, head, body, version):
        self.method, self.target, self.path, self.query = method, target, path, query
        self.headers, self.head, self.body, self.version = headers, head, body, version
        self._json = None

    def header(self, name, default=None):
        return self.headers.get(name.lower(), default)

    def json(self):
        """The body as JSON, or None."""
        if self._json is None:
            try:
                self._json = (json.loads(self.body),)
            except ValueError:
                self._json = (None,)
        return self._json[0]


class Response:
    __slots__ = ("status", "headers", "body", "content_type", "rows", "row_count", "data", "rebuild", "switches")

    def __init__(self, status=200, body=b"", content_type="application/json;charset=UTF-8", headers=()):
        self.status, self.body, self.content_type = status, body, content_type
        self.headers = list(headers)
        self.row_count = None       # None: not a list reply
        self.data = False           # a list reply that counts for `changes`
        self.rebuild = None         # function(rows) -> body, for faults in rows
        self.rows = None            # rendered rows
        self.switches = None        # those of the operation, if it has its own


def reply(status, value, **more):
    return Response(status, json.dumps(value, ensure_ascii=False).encode(), **more)


_trace = [0]


def error(status, code, message):
    _trace[0] += 1
    body = {"code": code, "message": message, "traceId": "sim%012x" % _trace[0]}
    return reply(status, body)


def status_code(text):
    """"403/50107" -> (403, "50107")"""
    status, _, code = text.partition("/")
    return int(status), code


def plus_error(status, code, message):
    """The error object of T+ itself, behind the gateway."""
    return reply(status, {"code": code, "message": message,
                          "data": {"Code": code, "StatusCode": 400, "islogerror": "1"}})


HTML = ("<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>"
        "\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n").encode()


def _html(status):
    return Response(status, HTML, "text/html")


# Replies that a fault may name as its action
NAMED = {
    "quota": lambda: error(401, "50112", "接口调用次数已用完,请购买流量包"),
    "wrong_app": lambda: error(403, "50112", "openToken与appKey不匹配"),
    "token_expired": lambda: error(403, "50107", "openToken已失效"),
    "token_invalid": lambda: error(401, "4007", "token无效或已过期"),
    "system": lambda: error(401, "50000", "系统错误"),
    "forbidden": lambda: error(403, "50000", "系统错误"),
    "not_found": lambda: error(404, "50000", "系统错误"),
    "config": lambda: error(401, "50003", "配置错误"),
    "burst": lambda: reply(409, {"error": "请求过于频繁"}),
    "throttled": lambda: error(429, "429", "too many requests"),
    "unavailable": lambda: Response(503, b"Service Unavailable", "text/plain"),
    "network": lambda: error(999, "EXERROR0001", "网络异常"),
    "forward": lambda: error(999, "EXERROR0002", "转发rest接口异常"),
    "business": lambda: plus_error(999, "EXBU0001", "计划开工日期不能早于单据日期"),
    "bare_999": lambda: Response(999, b""),
    "business_500": lambda: reply(500, {"message": "存货编号：A-001 不唯一"}),
    "exception": lambda: reply(500, {"result": {"Exception": {"Message": "对象引用未设置到对象的实例"}}}),
    "service": lambda: plus_error(400, "EXSV0011", "服务不存在"),
    "error_200": lambda: plus_error(200, "EXERROR0001", "网络异常"),
    "code_200": lambda: reply(200, {"code": "50000", "message": "系统错误"}),
    "result_false": lambda: reply(200, {"result": False, "error": {"code": "50000", "msg": "系统错误", "hint": ""},
                                        "value": None, "traceId": "sim"}),
    "rest_exception": lambda: reply(200, {"RestException": {"Message": "登录已失效"}}),
    "too_fast": lambda: error(200, "14002", "请求过快"),
    "html": lambda: _html(502),
    "html_200": lambda: _html(200),
    "null": lambda: Response(200, b"null"),
    "empty": lambda: Response(200, b""),
    "empty_string": lambda: Response(200, b'""'),
    "empty_object": lambda: Response(200, b"{}"),
    "empty_array": lambda: Response(200, b"[]"),
}
