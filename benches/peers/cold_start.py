"""Reference rankings of products without a single event: complete_journey, January to November train, December test.

Usage: python cold_start.py            prints one JSON line per method, the mean of three hidden tenths (product_id % 10 = 3, 5, 7)

Products bought by 10 or more households. All events of the hidden tenth are removed from training; only hidden products are ranked,
for the households that bought one of them in December. Inputs: the columns of products.csv. recall@20 = hits over min(20, relevant).
"""
import json, os
from pathlib import Path
import numpy as np, pandas as pd, scipy.sparse as sp

DATA = Path(os.environ.get("BENCH_DATA") or Path(__file__).resolve().parents[2] / "tests/data") / "complete_journey"
ATTRIBUTES = ["department", "product_category", "product_type", "brand", "manufacturer_id", "package_size"]


def load():
    t = pd.read_csv(DATA / "transactions.csv.gz"); p = pd.read_csv(DATA / "products.csv.gz").set_index("product_id")
    n = t.groupby("product_id").household_id.nunique(); items = np.array([i for i in n[n >= 10].index if i in p.index])
    t = t[t.product_id.isin(items)]; users = np.unique(t.household_id)
    t = t.assign(u=np.searchsorted(users, t.household_id), i=np.searchsorted(items, t.product_id), december=t.transaction_timestamp >= "2017-12-01")
    return t, p.loc[items, ATTRIBUTES].astype(object).fillna("?").astype(str), len(users), items


def measure(score, relevant, k=20):
    disc = 1 / np.log2(np.arange(2, k + 2)); recall, ndcg = [], []
    for s, r in zip(score, relevant):
        top = np.argpartition(-s, k)[:k]; top = top[np.argsort(-s[top], kind="stable")]; hit = np.isin(top, r)
        recall.append(hit.sum() / min(k, len(r))); ndcg.append((hit * disc).sum() / disc[:min(k, len(r))].sum())
    return np.mean(recall), np.mean(ndcg)


def run(t, p, users, items, fold):
    hidden = np.flatnonzero(items % 10 == fold); place = np.full(len(items), -1); place[hidden] = np.arange(len(hidden))
    train = t[~t.december & ~t.i.isin(hidden)].groupby(["u", "i"]).basket_id.nunique().reset_index()
    m = sp.csr_matrix((train.basket_id.values.astype(float), (train.u, train.i)), shape=(users, len(items)))
    test = t[t.december & t.i.isin(hidden)].groupby("u").i.unique(); test = test[[u for u in test.index if m[u].nnz]]
    rows, relevant = m[test.index.values], [place[r] for r in test]
    one_hot = lambda c: (lambda k: sp.csr_matrix((np.ones(len(k)), (np.arange(len(k)), k))))(p[c].astype("category").cat.codes.values)
    warm = np.setdiff1d(np.arange(len(items)), hidden); popularity = np.asarray(m.sum(0)).ravel()

    def share_times_popularity(c):
        o = one_hot(c); mean = o @ (np.asarray(o[warm].T @ popularity[warm]).ravel() / np.maximum(np.asarray(o[warm].sum(0)).ravel(), 1))
        s = (rows @ o).toarray(); return (s / np.maximum(s.sum(1, keepdims=True), 1)) @ o[hidden].T.toarray() * mean[hidden]

    def attribute_match(root):
        log = rows.copy(); log.data = np.log1p(log.data); total = 0
        for c in ATTRIBUTES:
            o = one_hot(c); w = sp.diags((np.asarray(o[warm].sum(0)).ravel() + 1.0) ** -root); total = total + ((log @ o) @ w @ o[hidden].T).toarray()
        return total
    scores = {"random": np.random.RandomState(0).rand(len(test), len(hidden)), "category share x popularity": share_times_popularity("product_category"),
              "type share x popularity": share_times_popularity("product_type"), "attribute match, plain": attribute_match(0),
              "attribute match, damped by sqrt(count)": attribute_match(.5)}
    return len(test), len(hidden), {k: measure(s, relevant) for k, s in scores.items()}


if __name__ == "__main__":
    data = load(); folds = [run(*data, f) for f in (3, 5, 7)]
    print(json.dumps(dict(users=[f[0] for f in folds], hidden=[f[1] for f in folds])))
    for k in folds[0][2]:
        r, n = np.mean([f[2][k] for f in folds], axis=0); print(json.dumps(dict(method=k, recall20=round(float(r), 4), ndcg20=round(float(n), 4))))
