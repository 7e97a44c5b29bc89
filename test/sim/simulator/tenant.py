"""One tenant: an app key with its records, switches, tokens, faults and journal."""

import threading
import time

from . import data
from .auth import Tokens
from .faults import Faults
from .fields import DEPARTMENT, INVENTORY, INVENTORY_CLASS, PARTNER, WAREHOUSE
from .journal import Journal
from .store import MutationError, Store, explicit
from .switches import Settings

FIELDS = {f.resource: f for f in (INVENTORY, WAREHOUSE, PARTNER, DEPARTMENT, INVENTORY_CLASS)}
CONFIG_KEYS = {"switches", "records", "resources", "seed", "end_date", "faults", "changes", "tokens", "duplicate_ids",
               "missing_ids"}
CHANGE_KEYS = {"after_requests", "after_rows", "every", "times", "path"}


class ConfigError(ValueError):
    pass


class Change:
    """A mutation that waits for requests or rows to have been served."""

    def __init__(self, order):
        if not isinstance(order, dict) or not order.get("action"):
            raise ConfigError("a change is an object with an action")
        if not {"after_requests", "after_rows", "every"} & set(order):
            raise ConfigError("a change needs after_requests, after_rows or every")
        self.order = order
        self.requests = self.rows = self.done = 0
        self.times = int(order.get("times", 0 if "every" in order else 1))
        self.error = None

    def finished(self):
        return bool(self.times) and self.done >= self.times

    def due(self, path, rows):
        order = self.order
        if self.finished() or order.get("path") and not path.endswith(order["path"]):
            return False
        self.requests += 1
        self.rows += rows
        if "every" in order:
            return self.requests % int(order["every"]) == 0
        if "after_rows" in order:
            return self.rows >= int(order["after_rows"])
        return self.requests >= int(order["after_requests"])

    def export(self):
        return {**self.order, "requests": self.requests, "rows": self.rows, "done": self.done, "error": self.error}


class Tenant:
    def __init__(self, name, config):
        unknown = set(config) - CONFIG_KEYS
        if unknown:
            raise ConfigError("unknown key %s; known: %s" % (", ".join(sorted(unknown)), ", ".join(sorted(CONFIG_KEYS))))
        self.name, self.config = name, config
        self.lock = threading.RLock()
        self.switches = Settings(config.get("switches"))
        self.seed = config.get("seed", 1)
        self.end = config.get("end_date", data.END_DATE)
        if self.end == "today":
            self.end = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 8 * 3600))
        self.records = config.get("records", 200)
        self.stores = {}
        self.faults, self.changes = Faults(), []
        self.journal = Journal(name)
        self.tokens = Tokens(self)
        self.business_calls = self.active = self.serial = 0
        self.last_body = None
        self.allowance, self.allowance_at = None, 0.0
        self.faults.add(config.get("faults") or [])
        self.add_changes(config.get("changes") or [])
        self.tokens.change(config.get("tokens") or {})
        self.store("inventory")

    def store(self, resource):
        with self.lock:
            found = self.stores.get(resource)
            if found is None:
                found = self.stores[resource] = self._make(resource)
            return found

    def _make(self, resource):
        fields = FIELDS[resource]
        given = (self.config.get("resources") or {}).get(resource)
        if resource == "inventory" and given is None:
            given = self.records
        if isinstance(given, list):
            store = explicit(fields, given)
        else:
            count = given if isinstance(given, int) else self.records if isinstance(self.records, int) else 100
            store = Store(fields, data.generate(resource, self.seed, count, self.end))
        if resource == "inventory":
            self._spoil(store)
        return store

    def _spoil(self, store):
        """Keys that do not identify, or are not there."""
        twins, missing = int(self.config.get("duplicate_ids", 0)), int(self.config.get("missing_ids", 0))
        for n in range(twins):
            keep = store.recs[2 * n].v[store.id_at]
            store.mutate({"action": "edit", "index": 2 * n + 1, "set": {"ID": keep}, "keep_ts": True})
        for n in range(missing):
            store.mutate({"action": "edit", "index": -1 - n, "set": {"ID": None}, "keep_ts": True})

    def add_changes(self, orders):
        self.changes += [Change(order) for order in (orders if isinstance(orders, list) else [orders])]

    def after_page(self, store, path, recs):
        """Notes what was served and does the changes that are due."""
        if not self.changes:
            return
        store.note_served(recs)
        for change in self.changes:
            if change.due(path, len(recs)):
                change.done += 1
                order = {k: v for k, v in change.order.items() if k not in CHANGE_KEYS}
                try:
                    target = self.store(order.pop("resource")) if "resource" in order else store
                    target.mutate(order)
                except MutationError as e:
                    change.error = str(e)

    def admit(self, now):
        """Takes one request from the rate limit."""
        sw = self.switches.of()
        rate = sw["rate_limit"]
        if not rate:
            return True
        burst = max(1, sw["rate_burst"])
        if self.allowance is None:
            self.allowance = float(burst)
        else:
            self.allowance = min(float(burst), self.allowance + (now - self.allowance_at) * rate)
        self.allowance_at = now
        if self.allowance < 1:
            return False
        self.allowance -= 1
        return True

    def export(self):
        return {"name": self.name, "seed": self.seed, "end_date": self.end, "switches": self.switches.given,
                "records": len(self.store("inventory").recs), "effective": self.switches.of(),
                "faults": [fault.export() for fault in self.faults.list],
                "changes": [change.export() for change in self.changes], "tokens": self.tokens.state(),
                "stats": self.journal.stats()}
