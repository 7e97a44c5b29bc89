"""inventory/Create and inventory/Update: every write moves the row version."""

from .message import Response, plus_error, reply
from .query import fold
from .store import MutationError


def _dto(body):
    dto = body.get("dto") if isinstance(body, dict) else None
    return dto if isinstance(dto, dict) else None


def create(tenant, body):
    dto = _dto(body)
    if dto is None:
        return plus_error(999, "EXSV0001", "参数错误:缺少dto")
    code = next((value for name, value in dto.items() if name.lower() == "code"), None)
    if not code:
        return reply(500, {"message": "存货编号不能为空"})
    with tenant.lock:
        store = tenant.store("inventory")
        if any(fold(rec.v[store.code_at] or "") == fold(str(code)) for rec in store.recs):
            return reply(500, {"message": "存货编号：%s 不唯一" % code})
        try:
            store.mutate({"action": "insert", "record": dto})
        except MutationError as e:
            return plus_error(999, "EXSV0001", str(e))
    return Response(200, b"null")


def update(tenant, body):
    dto = _dto(body)
    if dto is None:
        return plus_error(999, "EXSV0001", "参数错误:缺少dto")
    code = next((value for name, value in dto.items() if name.lower() == "code"), None)
    with tenant.lock:
        try:
            tenant.store("inventory").mutate({"action": "edit", "code": code, "set": dto})
        except MutationError as e:
            return reply(500, {"message": str(e)})
    return Response(200, b"null")
