"""Field catalogues: names, types and spellings of what a record holds."""

from decimal import Decimal, InvalidOperation

KINDS = ("id", "int", "dec", "text", "bool", "date", "datetime", "ts", "json", "hidden")


class FieldSet:
    """The fields of one resource.  A record's values stand in this order."""

    def __init__(self, resource, spec):
        self.resource = resource
        self.names, self.kinds = [], []
        for line in spec.strip().splitlines():
            kind, _, names = line.strip().partition(" ")
            assert kind in KINDS, kind
            for name in names.split():
                self.names.append(name)
                self.kinds.append(kind)
        self.flat = [name.replace(".", "") for name in self.names]
        self.index = {name: i for i, name in enumerate(self.names)}
        self._exact, self._folded = {}, {}
        for i, name in enumerate(self.names):
            for spelling in (name, self.flat[i]):
                self._exact[spelling] = i
                self._folded[spelling.lower()] = i
        self.groups = {}
        for i, name in enumerate(self.names):
            group, dot, part = name.partition(".")
            if dot:
                self.groups.setdefault(group, []).append((part, i))
        self._folded_groups = {name.lower(): name for name in self.groups}
        self.public = [i for i, kind in enumerate(self.kinds) if kind != "hidden"]
        self.custom = {i for i, name in enumerate(self.names) if name.lower().startswith("priuserdef")}

    def find(self, name, exact=False):
        """Indexes that a name of SelectFields stands for; [] if unknown."""
        hit = self._exact.get(name) if exact else self._folded.get(name.lower())
        if hit is not None and self.kinds[hit] != "hidden":
            return [hit]
        group = name if exact else self._folded_groups.get(name.lower())
        if group in self.groups:
            return [i for _, i in self.groups[group]]
        return []

    def group(self, name, exact=False):
        name = name if exact else self._folded_groups.get(name.lower())
        return self.groups.get(name)

    def typed(self, i, value):
        """A value from outside, in the form in which records keep it."""
        kind = self.kinds[i]
        if value is None:
            return None
        if kind in ("id", "int"):
            return value if isinstance(value, str) and not value.strip("-").isdigit() else int(value)
        if kind == "bool":
            if isinstance(value, str):
                return value.lower() in ("true", "1", "是")
            return bool(value)
        if kind == "dec":
            try:
                Decimal(str(value))
            except InvalidOperation:
                raise ValueError("%s: %r is no number" % (self.names[i], value)) from None
            return str(value)
        if kind == "json":
            return value
        return str(value)

    def values(self, given, base=None):
        """(values, ts) from a mapping with flat, dotted or nested names."""
        values = list(base) if base is not None else [None] * len(self.names)
        ts = None
        for name, value in given.items():
            if name.lower() == "ts":
                ts = int(value, 16) if isinstance(value, str) else value
                continue
            group = self.group(name)
            if group and isinstance(value, dict):
                parts = {part.lower(): i for part, i in group}
                for part, inner in value.items():
                    if part.lower() not in parts:
                        raise ValueError("unknown field %s.%s" % (name, part))
                    values[parts[part.lower()]] = self.typed(parts[part.lower()], inner)
                continue
            if group and value is None and name.lower() not in self._folded:
                for _, i in group:
                    values[i] = None
                continue
            i = self._folded.get(name.lower())
            if i is None:
                raise ValueError("unknown field %s" % name)
            values[i] = self.typed(i, value)
        return tuple(values), ts


INVENTORY = FieldSet("inventory", """
    id ID
    text Code Name Shorthand Specification DefaultBarCode
    text InventoryClass.Code InventoryClass.Name Unit.Code Unit.Name BaseUnitCode BaseUnitName
    id ProductInfo.ID
    text ProductInfo.Code ProductInfo.Name
    bool Disabled
    text UnitByPurchase.Code UnitByPurchase.Name UnitBySale.Code UnitBySale.Name
    text UnitByStock.Code UnitByStock.Name UnitByRetail.Code UnitByRetail.Name
    text UnitByManufacture.Code UnitByManufacture.Name
    text ExpiredUnit.Code ExpiredUnit.Name
    datetime CreatedTime
    date MadeRecordDate
    dec Expired
    text priuserdefnvc1 priuserdefnvc2 priuserdefnvc3 priuserdefnvc4 priuserdefnvc5
    dec priuserdefdecm1 priuserdefdecm2 priuserdefdecm3 priuserdefdecm4 priuserdefdecm5
    bool IsBatch IsQualityPeriod Userfreeitem1
    text freeitembriefinfo
    text UnitType.Code UnitType.Name UnitGroup.Code UnitGroup.Name ValueType.Code ValueType.Name
    bool IsSingleUnit IsSale IsPurchase IsMadeSelf IsMaterial IsMadeRequest IsPhantom IsSuite
    bool IsLaborCost IsNeedQualityInspection IsWeigh IsNew
    int NewProductPeriod
    text InventoryDescript
    dec AvagCost LatestCost InvSCost RetailPriceNew TaxRate
    json ImageList
    ts Ts
    hidden _updated _made_time
""")

WAREHOUSE = FieldSet("warehouse", """
    id ID
    text Code Name WarehouseType.Code WarehouseType.Name Memo Address Admin.Code Admin.Name
    bool Disabled
    ts Ts
    hidden _updated _made_time
""")

PARTNER = FieldSet("partner", """
    id ID
    text Code Name ShortHand PartnerAbbName PartnerType.Code PartnerType.Name PartnerClass.Code PartnerClass.Name
    bool Disabled
    date MadeRecordDate
    ts Ts
    hidden _updated _made_time
""")

DEPARTMENT = FieldSet("department", """
    id ID
    text Code Name
    bool Disabled
    ts Ts
    hidden _updated _made_time
""")

INVENTORY_CLASS = FieldSet("inventoryClass", """
    id ID
    text Code Name
    bool Disabled
    ts Ts
    hidden _updated _made_time
""")
