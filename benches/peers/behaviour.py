"""Reference classifiers: will this household buy in this category within the next 31 days? complete_journey.

Usage: python behaviour.py [table]      'table' writes the rows with their features (columns: part train|test, label, ...) as CSV

Rows: every (household, product_category) bought before the cut. Training cuts: days 242 and 273; test: day 334 (December).
Day 0 is 2017-01-01. Prints AUC and log loss on the test rows.
"""
import json, os, sys
from pathlib import Path
import numpy as np, pandas as pd

DATA = Path(os.environ.get("BENCH_DATA") or Path(__file__).resolve().parents[2] / "tests/data") / "complete_journey"


def rows(t, cut):
    key = ["household_id", "product_category"]; past = t[t.day < cut]; trips = past.drop_duplicates([*key, "basket_id"])
    x = trips.groupby(key).agg(trips=("basket_id", "size"), last=("day", "max"), first=("day", "min"))
    g = past.groupby(key); x["spend"], x["units"], x["discount"] = g.sales_value.sum(), g.quantity.sum().clip(upper=1e4), g.retail_disc.sum()
    for w in (14, 30, 60, 90):
        x[f"trips_{w}"] = trips[trips.day >= cut - w].groupby(key).size().reindex(x.index, fill_value=0)
    x["recency"], x["tenure"] = cut - x.pop("last"), cut - x.pop("first")
    x["gap"] = (x.tenure / x.trips).where(x.trips > 1); x["overdue"] = x.recency / x.gap.clip(lower=1)  # of one trip there is no gap
    h = past.drop_duplicates("basket_id").groupby("household_id").agg(household_trips=("basket_id", "size"), last=("day", "max"))
    h["household_recency"] = cut - h.pop("last"); h["household_trips_30"] = past[past.day >= cut - 30].groupby("household_id").basket_id.nunique()
    h["household_spend"] = past.groupby("household_id").sales_value.sum(); x = x.join(h.fillna(0), on="household_id")
    n = x.groupby("product_category").size(); rate = trips[trips.day >= cut - 30].groupby("product_category").household_id.nunique() / n
    category = x.index.get_level_values(1); x["category_households"], x["category_rate"] = n.reindex(category).values, rate.reindex(category).fillna(0).values
    future = t[(t.day >= cut) & (t.day < cut + 31)].groupby(key).size()
    return x, (future.reindex(x.index).fillna(0) > 0).astype(int).values


if __name__ == "__main__":
    t = pd.read_csv(DATA / "transactions.csv.gz", parse_dates=["transaction_timestamp"]).merge(
        pd.read_csv(DATA / "products.csv.gz")[["product_id", "product_category"]], on="product_id").dropna(subset=["product_category"])
    t["day"] = (t.transaction_timestamp - pd.Timestamp("2017-01-01")).dt.days
    (a, ya), (b, yb), (x, y) = rows(t, 242), rows(t, 273), rows(t, 334); train, label = pd.concat([a, b]), np.r_[ya, yb]
    if sys.argv[1:] == ["table"]:
        pd.concat([train.assign(part="train", label=label), x.assign(part="test", label=y)]).reset_index().to_csv(sys.stdout, index=False); sys.exit()
    train, x = (r.assign(gap=r.gap.fillna(r.tenure), overdue=r.overdue.fillna(1)) for r in (train, x))  # the peers take no gaps in columns
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss, roc_auc_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler
    print(json.dumps(dict(train=len(train), test=len(x), positive=round(float(y.mean()), 4))))
    log = lambda: FunctionTransformer(lambda v: np.log1p(np.clip(v, 0, None)))
    for name, model in [("logistic on logs", make_pipeline(log(), StandardScaler(), LogisticRegression(max_iter=300))),
                        ("gradient boosting", HistGradientBoostingClassifier(max_iter=200, learning_rate=.08))]:
        for what, columns in [("recency, trips, spend", ["recency", "trips", "spend"]), ("all", list(train))]:
            p = model.fit(train[columns].values, label).predict_proba(x[columns].values)[:, 1]
            print(json.dumps(dict(method=name, features=what, auc=round(roc_auc_score(y, p), 4), log_loss=round(log_loss(y, p), 4))), flush=True)
    print(json.dumps(dict(method="rule: trips of 90 days", auc=round(roc_auc_score(y, x.trips_90), 4))))
