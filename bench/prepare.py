"""prepare.py PORT RECORDS KEYS: asks the simulator for every record and writes
them as server.c wants them: RECORDS with the 37 fields of the case article
(and the row version that a cursor needs), KEYS with key and version alone."""
import http.client
import json
import sys

FIELDS = """ID Code Name Shorthand Specification DefaultBarCode InventoryClass.Code InventoryClass.Name Unit.Code
Unit.Name BaseUnitCode BaseUnitName ProductInfo.ID ProductInfo.Code ProductInfo.Name Disabled UnitByPurchase.Code
UnitByPurchase.Name UnitBySale.Code UnitBySale.Name UnitByStock.Code UnitByRetail.Code UnitByRetail.Name
UnitByManufacture.Code UnitByManufacture.Name ExpiredUnitName CreatedTime MadeRecordDate Expired priuserdefnvc1
priuserdefnvc2 priuserdefnvc3 priuserdefnvc4 IsBatch IsQualityPeriod Userfreeitem1 freeitembriefinfo Ts""".split()
HEADERS = {"appKey": "bench", "appSecret": "sim-secret", "openToken": "sim-open-token",
           "Content-Type": "application/json"}


def pages(connection, fields):
    cursor = "0" * 16
    while True:
        body = {"param": {"Ts": cursor, "PageSize": 1000, "SelectFields": ",".join(fields)}}
        connection.request("POST", "/tplus/api/v2/inventory/Query", json.dumps(body), HEADERS)
        text = connection.getresponse().read().decode()
        rows = json.loads(text, parse_int=str, parse_float=str)
        if not rows:
            return
        cursor = rows[-1]["Ts"]
        yield text


def write(connection, fields, path):
    with open(path, "w", encoding="utf-8") as out:
        for text in pages(connection, fields):
            # A record is flat and its strings hold no "},{".
            out.write(text[1:-1].replace("},{", "},\n{") + ",\n")


def main():
    connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
    write(connection, FIELDS, sys.argv[2])
    write(connection, ["ID", "Ts"], sys.argv[3])


main()
