"""script.py URL COUNT: the script that people write instead: requests for the
pages, psycopg2's execute_values for the rows.  Fills the table script_item."""
import sys

import psycopg2
import psycopg2.extras
import requests

FIELDS = ["ID", "Code", "Name", "Shorthand", "Specification", "DefaultBarCode", "InventoryClassCode",
          "InventoryClassName", "UnitCode", "UnitName", "BaseUnitCode", "BaseUnitName", "ProductInfoID",
          "ProductInfoCode", "ProductInfoName", "Disabled", "UnitByPurchaseCode", "UnitByPurchaseName",
          "UnitBySaleCode", "UnitBySaleName", "UnitByStockCode", "UnitByRetailCode", "UnitByRetailName",
          "UnitByManufactureCode", "UnitByManufactureName", "ExpiredUnitName", "CreatedTime", "MadeRecordDate",
          "Expired", "priuserdefnvc1", "priuserdefnvc2", "priuserdefnvc3", "priuserdefnvc4", "IsBatch",
          "IsQualityPeriod", "Userfreeitem1", "freeitembriefinfo"]
EMPTY_IS_NULL = {"ProductInfoID", "CreatedTime", "MadeRecordDate", "Expired"}


def main():
    session = requests.Session()
    session.headers.update({"appKey": "bench", "appSecret": "sim-secret", "openToken": "sim-open-token"})
    database = psycopg2.connect("")
    cursor = database.cursor()
    cursor.execute("SET timezone = 'Asia/Shanghai'")
    page = 1
    while True:
        body = {"param": {"PageIndex": page, "PageSize": 500, "SelectFields": ",".join(FIELDS)}}
        reply = session.post(sys.argv[1] + "/tplus/api/v2/inventory/QueryPage", json=body, timeout=60)
        reply.raise_for_status()
        rows = reply.json()["Data"]
        if not rows:
            break
        values = [tuple(None if row[f] == "" and f in EMPTY_IS_NULL else row[f] for f in FIELDS) for row in rows]
        psycopg2.extras.execute_values(cursor, "INSERT INTO script_item VALUES %s", values)
        page += 1
    database.commit()


main()
