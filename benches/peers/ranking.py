"""Reference rankings on shared data: what other tools reach under the very protocol the project is judged by.

Usage: python ranking.py {journey,beauty,movielens,movielens_session} [popularity itemknn ease als als_tuned bpr mult_vae ...]
Prints one JSON line per method: recall@20, ndcg@20 (journey also for items new to the household), fit seconds.
movielens is run with three seeds of its tie order and prints the mean last.

Protocols (full ranking over every item seen in training; items of the training history are excluded,
except where 'repeat' is said):
  journey    train = purchases before 2017-12-01, test = December 2017; users with both; items bought by >= 10 households
             'repeat': any December item counts.  'new': only items the household had not bought before count.
  beauty     leave-one-out: last item is the test, all earlier ones are training (the second last is training too).
  movielens  leave-one-out by timestamp; ratings of any value are positives. Half of the events share their second with another of the
             same user: ties are put in a random order by seed (an order by item id would leak which item is the last).
  movielens_session  the last session of each user (a gap of 30 minutes starts one) is the test, users with two or more sessions.
"""
import json, os, sys, time
from pathlib import Path
import numpy as np, pandas as pd, scipy.sparse as sp

DATA = Path(os.environ.get("BENCH_DATA") or Path(__file__).resolve().parents[2] / "tests/data")


def journey():
    t = pd.read_csv(DATA / "complete_journey/transactions.csv.gz")
    train, test = t[t.transaction_timestamp < "2017-12-01"], t[t.transaction_timestamp >= "2017-12-01"]
    n = train.groupby("product_id").household_id.nunique()
    keep = set(n[n >= 10].index)
    train, test = train[train.product_id.isin(keep)], test[test.product_id.isin(keep)]
    return train.household_id, train.product_id, test.household_id, test.product_id, True


def leave_one_out(frame, order):
    frame = frame.sort_values(["user_id"] + order)
    last = ~frame.duplicated("user_id", keep="last")
    test, train = frame[last], frame[~last]
    return train.user_id, train.item_id, test.user_id, test.item_id, False


def beauty():
    return leave_one_out(pd.read_csv(DATA / "amazon_beauty/interactions.csv.gz"), ["position"])


def movielens(seed=0):
    frame = pd.read_csv(DATA / "movielens_100k/ratings.csv.gz")
    frame["tie"] = np.random.default_rng(seed).random(len(frame))
    return leave_one_out(frame, ["timestamp", "tie"])


def movielens_session():
    frame = pd.read_csv(DATA / "movielens_100k/ratings.csv.gz").sort_values(["user_id", "timestamp"], kind="stable")
    session = frame.groupby("user_id").timestamp.transform(lambda t: (t.diff() > 1800).cumsum())
    last = session.groupby(frame.user_id).transform("max")
    frame, test = frame[last > 0], (session == last)[last > 0]
    return frame.user_id[~test], frame.item_id[~test], frame.user_id[test], frame.item_id[test], False


def matrix(tu, ti, eu, ei):
    users, items = np.unique(tu), np.unique(ti)
    u, i = np.searchsorted(users, tu), np.searchsorted(items, ti)
    counts = sp.csr_matrix((np.ones(len(u), np.float32), (u, i)), shape=(len(users), len(items)))
    ok = np.isin(eu, users) & np.isin(ei, items)
    test = sp.csr_matrix((np.ones(ok.sum(), np.float32),
                          (np.searchsorted(users, eu[ok]), np.searchsorted(items, ei[ok]))), shape=counts.shape)
    test.data[:] = 1
    return counts, test


def popularity(counts, binary):
    p = np.asarray(binary.sum(0)).ravel()
    return lambda rows: np.tile(p, (len(rows), 1))


def frequency(counts, binary):
    p = np.asarray(binary.sum(0)).ravel() / 1e6
    return lambda rows: counts[rows].toarray() + p


def ease(counts, binary, lam=None):
    g = (binary.T @ binary).toarray().astype(np.float32)
    lam = lam or 100.0
    g[np.diag_indices_from(g)] += lam
    b = np.linalg.inv(g)
    b /= -np.diag(b)
    b[np.diag_indices_from(b)] = 0
    return lambda rows: binary[rows] @ b


def itemknn(counts, binary):
    from sklearn.preprocessing import normalize
    c = normalize(binary, axis=0)
    s = (c.T @ c).tocsr(); s.setdiag(0)
    return lambda rows: (binary[rows] @ s).toarray()


def implicit_model(make):
    def run(counts, binary):
        m = make(); m.fit(binary, show_progress=False)
        return lambda rows: np.asarray(m.user_factors)[rows] @ np.asarray(m.item_factors).T
    return run


def als(counts, binary):
    from implicit.als import AlternatingLeastSquares as A
    return implicit_model(lambda: A(factors=128, regularization=0.05, alpha=10, iterations=15, random_state=1))(counts, binary)


def als_tuned(counts, binary):
    from implicit.als import AlternatingLeastSquares as A
    return implicit_model(lambda: A(factors=256, regularization=30, alpha=40, iterations=10, random_state=1))(counts, binary)


def mult_vae(counts, binary, hidden=600, latent=200, epochs=100, beta=.2, batch=100):
    """Mult-VAE (Liang et al. 2018) in torch; meant for movielens."""
    import torch
    torch.manual_seed(0); users, items = binary.shape; x = torch.from_numpy(binary.toarray())
    layer = torch.nn.Linear; e1, e2, d1, d2 = layer(items, hidden), layer(hidden, 2 * latent), layer(latent, hidden), layer(hidden, items)
    opt = torch.optim.Adam([p for m in (e1, e2, d1, d2) for p in m.parameters()], 1e-3); step, anneal = 0, epochs * -(-users // batch) / 2

    def forward(rows, train):
        mean, log_var = e2(torch.tanh(e1(torch.dropout(torch.nn.functional.normalize(rows), .5, train)))).chunk(2, 1)
        z = mean + torch.randn_like(mean) * torch.exp(log_var / 2) if train else mean
        return d2(torch.tanh(d1(z))), mean, log_var
    for _ in range(epochs):
        for rows in torch.randperm(users).split(batch):
            step += 1; logits, mean, log_var = forward(x[rows], True)
            kl = -.5 * (1 + log_var - mean ** 2 - log_var.exp()).sum(1).mean()
            loss = -(torch.log_softmax(logits, 1) * x[rows]).sum(1).mean() + min(beta, beta * step / anneal) * kl
            opt.zero_grad(); loss.backward(); opt.step()
    with torch.no_grad():
        score = forward(x, False)[0].numpy()
    return lambda rows: score[rows]


def bpr(counts, binary):
    from implicit.bpr import BayesianPersonalizedRanking as B
    return implicit_model(lambda: B(factors=64, iterations=200, random_state=1))(counts, binary)


def measure(score, binary, test, mask_seen, k=20):
    users = np.flatnonzero(np.diff(test.indptr))
    disc = 1 / np.log2(np.arange(2, k + 2)); recall = ndcg = n = 0
    for s in range(0, len(users), 500):
        rows = users[s:s + 500]; x = np.array(score(rows), dtype=np.float32); y = test[rows].toarray()
        if mask_seen:
            seen = binary[rows].toarray() > 0; x[seen] = -np.inf; y[seen] = 0
        top = np.argpartition(-x, k, axis=1)[:, :k]
        top = np.take_along_axis(top, np.argsort(-np.take_along_axis(x, top, 1), axis=1, kind="stable"), 1)
        hit = np.take_along_axis(y, top, 1); total = y.sum(1); ok = total > 0
        ideal = np.array([disc[:int(min(t, k))].sum() for t in total[ok]])
        recall += (hit[ok].sum(1) / np.minimum(total[ok], k)).sum(); ndcg += ((hit[ok] * disc).sum(1) / ideal).sum(); n += ok.sum()
    return dict(users=int(n), recall20=round(float(recall / n), 4), ndcg20=round(float(ndcg / n), 4))


def run(name, methods, *args):
    *parts, repeats = globals()[name](*args)
    counts, test = matrix(*(np.asarray(p) for p in parts))
    binary = counts.copy(); binary.data[:] = 1
    print(json.dumps(dict(data=name, users=counts.shape[0], items=counts.shape[1], pairs=int(binary.nnz))), flush=True)
    for m in methods:
        t = time.time(); score = globals()[m](counts, binary); fit = time.time() - t
        row = dict(data=name, method=m, fit_s=round(fit, 1))
        if repeats:
            row["repeat"] = measure(score, binary, test, False)
        row["new"] = measure(score, binary, test, True)
        print(json.dumps(row), flush=True)
        yield m, row["new"]


if __name__ == "__main__":
    name, methods = sys.argv[1], sys.argv[2:] or ["popularity", "itemknn", "ease", "als", "bpr"]
    rows = [row for seed in ([(0,), (1,), (2,)] if name == "movielens" else [()]) for row in run(name, methods, *seed)]
    if name == "movielens":
        for m in methods:
            mean = {k: round(float(np.mean([r[k] for q, r in rows if q == m])), 4) for k in ("recall20", "ndcg20")}
            print(json.dumps(dict(data=name, method=m, mean_of=3, **mean)))
