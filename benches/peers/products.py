"""Reference figures for product rows of complete_journey: reconstruction, neighbours, tags, generation.

Usage: python products.py table > products.csv        the rows themselves (one per product with 20 or more transaction lines)
       python products.py {reconstruct,neighbours,tags,text,generate}
       python products.py rows > rows.csv              the training rows of `generate`, and with judge's figures of real ones: `floor`
       python products.py judge generated.csv         two-sample test of rows made by any generator (columns as in GENERATED)

Split, everywhere: product_id % 10 in (0, 1) is test, 2 is validation, the rest is training; `generate` and `judge` hold out 0, 1, 2.
"""
import json, os, re, sys
from pathlib import Path
import numpy as np, pandas as pd

DATA = Path(os.environ.get("BENCH_DATA") or Path(__file__).resolve().parents[2] / "tests/data") / "complete_journey"
NUMBERS = ["lines", "units", "spend", "price", "discount_share", "coupon", "households", "stores", "repeat_share", "size",
           *(f"weekday_{d}" for d in range(7)), *(f"daypart_{d}" for d in range(6))]
LOGGED = ["lines", "units", "spend", "price", "coupon", "households", "stores", "size"]
CATEGORIES = ["department", "product_category", "product_type", "brand", "unit"]
GENERATED = dict(department=None, product_category=None, brand=None, unit=None, size=2, lines=0, units=0, households=0, stores=0,
                 price=2, discount_share=3, repeat_share=3, weekend_share=3)  # numbers are rounded to these digits


def parse_size(text):
    m = re.match(r"\s*(\d*\.?\d+)(?:/(\d+))?\s*([A-Z]*)", str(text))
    return (float(m[1]) / float(m[2] or 1) if not m[2] or float(m[2]) else np.nan, m[3] or "?") if m else (np.nan, "?")


def table():
    t = pd.read_csv(DATA / "transactions.csv.gz", parse_dates=["transaction_timestamp"])
    p = pd.read_csv(DATA / "products.csv.gz").set_index("product_id")
    g = t.groupby("product_id")
    r = g.agg(lines=("quantity", "size"), units=("quantity", "sum"), spend=("sales_value", "sum"), discount=("retail_disc", "sum"),
              coupon=("coupon_disc", "sum"), households=("household_id", "nunique"), stores=("store_id", "nunique"))
    r = r[r.lines >= 20].copy()
    r["units"] = r.units.clip(upper=100_000)
    r["price"] = r.spend / r.units.clip(lower=1)
    r["discount_share"] = r.discount / (r.spend + r.discount).clip(lower=.01)
    baskets = t.groupby(["product_id", "household_id"]).basket_id.nunique()
    r["repeat_share"] = (baskets > 1).groupby("product_id").mean()
    day = pd.crosstab(t.product_id, t.transaction_timestamp.dt.dayofweek, normalize="index").add_prefix("weekday_")
    hour = (t.transaction_timestamp.dt.hour - 5) % 24
    part = pd.crosstab(t.product_id, np.digitize(hour, [8, 11, 14, 17, 20]), normalize="index").add_prefix("daypart_")
    r = r.join(day).join(part).join(p)
    r["size"], r["unit"] = zip(*r.package_size.map(parse_size))
    r["weekend_share"] = r.weekday_5 + r.weekday_6
    for c in [*CATEGORIES, "package_size", "manufacturer_id"]:
        r[c] = r[c].astype(object).where(r[c].notna(), "?").astype(str)
    return r.drop(columns="discount").reset_index().sort_values("product_id", ignore_index=True)


def split(d):
    fold = d.product_id.values % 10
    return fold > 2, fold == 2, fold < 2


def standardised(d, train):
    x = d[NUMBERS].astype(float).copy()
    for c in LOGGED:
        x[c] = np.log(x[c].clip(lower=.01))
    x = x.fillna(x[train].median())
    return ((x - x[train].mean()) / x[train].std()).clip(-6, 6).values


def codes(column, train, at_least=5):
    keep = column[train].value_counts()
    column = column.where(column.isin(keep[keep >= at_least].index), "~other")
    levels = sorted(column.unique())
    return column.map({v: i for i, v in enumerate(levels)}).values, levels


def one_hot(c, n):
    o = np.zeros((len(c), n)); o[np.arange(len(c)), c] = 1
    return o


def reconstruct():
    """PCA to 16 numbers and back; R2 of the 23 numbers, accuracy of each category (argmax of its block). w weighs the one-hot blocks."""
    from sklearn.decomposition import PCA
    d = table(); train, _, test = split(d); x = standardised(d, train)
    cats = {c: codes(d[c], train) for c in CATEGORIES}
    print(json.dumps(dict(rows=len(d), test=int(test.sum()), majority={
        c: round(float((k[test] == np.bincount(k[train]).argmax()).mean()), 3) for c, (k, _) in cats.items()})))
    for width, w in [(16, 1), (16, 2), (16, 3), (16, 10), (128, 2)]:
        z = np.hstack([x] + [one_hot(k, len(v)) * w for k, v in cats.values()])
        p = PCA(width, svd_solver="randomized", random_state=0).fit(z[train]); back = p.inverse_transform(p.transform(z[test]))
        r2 = 1 - ((back[:, :x.shape[1]] - x[test]) ** 2).mean() / ((x[test] - x[train].mean(0)) ** 2).mean()
        row, at = dict(method=f"pca-{width}", w=w, r2=round(float(r2), 3)), x.shape[1]
        for c, (k, v) in cats.items():
            row[c] = round(float((back[:, at:at + len(v)].argmax(1) == k[test]).mean()), 3); at += len(v)
        print(json.dumps(row), flush=True)


def neighbours():
    """Share of the 10 nearest training products of the same product_category, which is not in the input (nor is product_type)."""
    from sklearn.decomposition import PCA
    d = table(); train, _, test = split(d); x = standardised(d, train)
    y, levels = codes(d.product_category, train); q = test & (y != (levels.index("~other") if "~other" in levels else -1))
    blocks = [one_hot(*(lambda k, v: (k, len(v)))(*codes(d[c], train))) for c in ["department", "brand", "unit", "manufacturer_id", "package_size"]]

    def agree(z):
        a, b = z[q], z[train]
        near = np.argpartition((b ** 2).sum(1)[None] - 2 * a @ b.T, 10, axis=1)[:, :10]
        return round(float((y[train][near] == y[q][:, None]).mean()), 3)
    for w in (1, 2, 4):
        z = np.hstack([x] + [b * w for b in blocks])
        print(json.dumps(dict(w=w, one_hot=agree(z), pca16=agree(PCA(16, svd_solver="randomized", random_state=0).fit(z[train]).transform(z)))), flush=True)


def tags():
    """Top-1 and top-3 accuracy of product_category from manufacturer, package size, brand, unit and numbers (no department, no type)."""
    from sklearn.linear_model import LogisticRegression
    d = table(); n = d.product_category.value_counts(); d = d[d.product_category.isin(n[(n >= 10)].index) & (d.product_category != "?")].reset_index(drop=True)
    train, _, test = split(d); y = d.product_category.astype("category").cat.codes.values; classes = y.max() + 1
    top = lambda p: [round(float((np.argsort(-p, 1)[:, :k] == y[test][:, None]).any(1).mean()), 3) for k in (1, 3)]
    print(json.dumps(dict(rows=len(d), classes=int(classes), test=int(test.sum()), most_frequent=top(np.tile(np.bincount(y[train], minlength=classes), (test.sum(), 1))))))
    f = np.hstack([one_hot(*(lambda k, v: (k, len(v)))(*codes(d[c], train, 3))) for c in ["package_size", "manufacturer_id", "brand", "unit"]])
    for name, z in [("logistic, columns", f), ("logistic, columns and numbers", np.hstack([f, standardised(d, train)]))]:
        m = LogisticRegression(C=3, max_iter=60).fit(z[train], y[train]); p = np.zeros((test.sum(), classes)); p[:, m.classes_] = m.predict_proba(z[test])
        print(json.dumps({"method": name, "top1_top3": top(p)}), flush=True)


def text():
    """Department from the words of product_type alone; each distinct type stands on one side only (every fifth in order of name is test)."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    p = pd.read_csv(DATA / "products.csv.gz").dropna(subset=["product_type", "department"]); n = p.department.value_counts()
    d = p[p.department.isin(n[n >= 50].index)].groupby("product_type").department.agg(lambda v: v.value_counts().index[0]).reset_index()
    held = np.arange(len(d)) % 5 == 0; a, b = d[~held], d[held]
    print(json.dumps(dict(types=len(d), departments=int(d.department.nunique()), test=int(held.sum()), majority=round(float((b.department == a.department.mode()[0]).mean()), 3))))
    for name, v in [("words", TfidfVectorizer()), ("characters 2 to 5", TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True))]:
        m = LogisticRegression(C=30, max_iter=150).fit(v.fit_transform(a.product_type), a.department)
        order = m.classes_.astype(object)[np.argsort(-m.predict_proba(v.transform(b.product_type)), 1)[:, :3]]; hit = order == b.department.values.astype(object)[:, None]
        print(json.dumps(dict(method="logistic, " + name, top1=round(float(hit[:, 0].mean()), 3), top3=round(float(hit.any(1).mean()), 3))))


def generator_rows():
    d = table()
    for c, digits in GENERATED.items():
        if digits is not None:
            d[c] = d[c].astype(float).fillna(-1).round(digits)
        else:
            n = d[c].value_counts(); d[c] = d[c].where(d[c].isin(n[n >= 20].index), "~other")
    held = d.product_id % 10 < 3
    return d[~held][list(GENERATED)].reset_index(drop=True), d[held][list(GENERATED)].reset_index(drop=True)


def judge(generated, real):
    """Out-of-fold AUC and accuracy of gradient boosting telling real from generated (0.5 = cannot), KS, TV, |difference of Spearman|, joint TV."""
    from scipy.stats import ks_2samp
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    numbers, cats = [c for c, r in GENERATED.items() if r is not None], [c for c, r in GENERATED.items() if r is None]
    g = generated[list(GENERATED)].copy()
    for c in numbers:
        g[c] = g[c].astype(float).round(GENERATED[c])
    n = min(len(g), len(real)); a = pd.concat([real.iloc[:n], g.iloc[:n]], ignore_index=True)
    for c in cats:
        a[c] = a[c].astype(str).astype("category").cat.codes
    y = np.r_[np.zeros(n), np.ones(n)]
    m = HistGradientBoostingClassifier(max_iter=200, learning_rate=.08, early_stopping=False, categorical_features=[c in cats for c in a], random_state=0)
    p = cross_val_predict(m, a.values, y, cv=StratifiedKFold(5, shuffle=True, random_state=0), method="predict_proba")[:, 1]
    share = lambda f: f.value_counts(normalize=True)
    tv = lambda u, v: .5 * share(u).sub(share(v), fill_value=0).abs().sum()
    pair = lambda f: f.department.astype(str) + "|" + f.product_category.astype(str)
    off = np.triu_indices(len(numbers), 1)
    return dict(auc=round(roc_auc_score(y, p), 3), accuracy=round(float(((p > .5) == y).mean()), 3),
                ks=round(float(np.mean([ks_2samp(real[c], g[c]).statistic for c in numbers])), 3),
                tv=round(float(np.mean([tv(real[c], g[c]) for c in cats])), 3),
                correlation=round(float(np.abs(real[numbers].corr("spearman").values - g[numbers].corr("spearman").values)[off].mean()), 3),
                joint_tv=round(float(tv(pair(real), pair(g))), 3))


def copula(rows, n, seed=0):
    """Gaussian copula of the numbers; smoothed correlation."""
    from scipy.stats import norm
    r = np.random.RandomState(seed); x = rows.values.astype(float)
    u = np.array([(np.argsort(np.argsort(c + r.rand(len(c)) * 1e-9)) + .5) / len(c) for c in x.T]).T
    s = np.nan_to_num(np.corrcoef(norm.ppf(u).T)) * .9 + .1 * np.eye(x.shape[1])
    v = norm.cdf(r.multivariate_normal(np.zeros(x.shape[1]), s, n))
    return np.array([np.sort(c)[(v[:, j] * len(c)).astype(int).clip(0, len(c) - 1)] for j, c in enumerate(x.T)]).T


def generate():
    train, real = generator_rows(); r = np.random.RandomState(1); n = len(real)
    numbers, cats = [c for c, v in GENERATED.items() if v is not None], [c for c, v in GENERATED.items() if v is None]
    print(json.dumps({"generator": "real training rows (the floor)", **judge(train.sample(n, random_state=0), real)}), flush=True)
    print(json.dumps({"generator": "independent columns", **judge(pd.DataFrame({c: r.choice(train[c].values, n) for c in train}), real)}), flush=True)
    base = train[cats].iloc[r.randint(0, len(train), n)].reset_index(drop=True); out = np.zeros((n, len(numbers)))
    for k, rows in base.groupby("product_category"):
        out[rows.index] = copula(train[train.product_category == k][numbers], len(rows))
    print(json.dumps({"generator": "copula per category, categories resampled", **judge(pd.concat([base, pd.DataFrame(out, columns=numbers)], axis=1), real)}), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "table":
        table().to_csv(sys.stdout, index=False)
    elif sys.argv[1] == "rows":
        generator_rows()[0].to_csv(sys.stdout, index=False)
    elif sys.argv[1] == "floor":
        train, real = generator_rows(); print(json.dumps(judge(train.sample(len(real), random_state=0), real)))
    elif sys.argv[1] == "judge":
        print(json.dumps(judge(pd.read_csv(sys.argv[2], keep_default_na=False), generator_rows()[1])))
    else:
        globals()[sys.argv[1]]()
