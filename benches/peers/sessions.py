"""Session-based recommenders in numpy on shop sessions: what comes next after each test prefix.

Usage: python sessions.py [prefixes=5000]      prints hit@20 and MRR@20, and milliseconds a list, of each tool:

numpy-vsknn  V-SKNN (Ludewig & Jannach 2018). The settings are the paper's: 'div' weights of positions, cosine, 100 of the 1,000 latest
             sessions that share an item, and 500 of 5,000.
numpy-slist  SLIST (Choi et al. 2021) without its bound on the diagonal, exact: (S'S + l)^-1 is applied to each prefix by conjugate
             gradients, since the inverse of 40,728 items does not fit. alpha = .2 for what comes after what, the distance 1, l = 10, a prefix
             by exp(-age / 30): chosen on training sessions held out (.8 of alpha, distance 2, 30 and 100 for l and a prefix by 4 are below).
own          The prefix's own items, by exp(-age / 30): how much of what comes next was there before.
"""
import gzip, json, os, sys, time
from collections import defaultdict
from pathlib import Path
import numpy as np
import scipy.sparse as sp

DATA = Path(os.environ.get("BENCH_DATA") or Path(__file__).resolve().parent.parent / "data") / "sessions_tmall"
PREFIXES = int(sys.argv[1]) if len(sys.argv) > 1 else 5000


def lines(name):
    return gzip.open(DATA / name, "rt").read().splitlines()


sessions = [[int(i) for i in l.split()] for l in lines("train.txt.gz")]
tests = [([int(i) for i in a.split()], int(b)) for a, b in (l.split("\t") for l in lines("test.txt.gz")[:: max(1, 25898 // PREFIXES)])]
items = 1 + max(max(map(max, sessions)), max(max(prefix + [target]) for prefix, target in tests))


def report(start, ranks, **settings):
    """`ranks`: of each target its rank in a list of 20, from 0 on, or None."""
    found = [1 / (1 + r) for r in ranks if r is not None]
    print(json.dumps(dict(settings, prefixes=len(tests), hit=round(len(found) / len(tests), 4), mrr=round(sum(found) / len(tests), 4),
                          ms=round(1000 * (time.time() - start) / len(tests), 2))), flush=True)


def rank(scores, target):
    """Of scores by item."""
    top = sorted(scores, key=lambda i: (-scores[i], i))[:20]
    return top.index(target) if target in top else None


def vsknn(neighbours, sample):
    sets = [set(s) for s in sessions]
    posting = defaultdict(list)
    for n in reversed(range(len(sets))):  # the latest first
        for i in sets[n]:
            posting[i].append(n)
    start, ranks = time.time(), []
    for prefix, target in tests:
        latest_first = list(dict.fromkeys(reversed(prefix)))
        step = {i: 1 / (1 + prefix[::-1].index(i)) for i in latest_first}
        alike, last, candidates, out = {}, {}, set(), defaultdict(float)
        for i in latest_first:
            candidates.update(posting[i][:sample])
        for n in sorted(candidates, reverse=True)[:sample]:
            common = [i for i in latest_first if i in sets[n]]
            alike[n] = sum(step[i] for i in common) / np.sqrt(len(sets[n]))
            last[n] = step[common[0]]
        for n in sorted(alike, key=lambda n: -alike[n])[:neighbours]:
            for i in sets[n]:
                out[i] += alike[n] * last[n]
        ranks.append(rank(out, target))
    report(start, ranks, tool="numpy-vsknn", neighbours=neighbours, sample=sample)


def rows_of_sessions(alpha, distance):
    """S and T: a row a session with what goes together in it, and a row a moment with what was before and after it."""
    s, t = ([], [], []), ([], [], [])

    def put(matrix, row, weights):
        matrix[0].extend([row] * len(weights)), matrix[1].extend(weights.keys()), matrix[2].extend(weights.values())

    row = 0
    for session in sessions:
        whole = {i: np.sqrt(1 - alpha) for i in session}
        put(s, row, whole), put(t, row, whole)
        row += 1
        for moment in range(1, len(session)):
            # Far away a weight is nothing, and the matrices stay sparse.
            near = lambda some: {i: np.sqrt(alpha) * np.exp(-d / distance) for d, i in reversed(list(enumerate(some[:7])))}
            put(s, row, near(session[:moment][::-1])), put(t, row, near(session[moment:]))
            row += 1
    return [sp.csr_matrix((np.array(m[2], np.float32), (m[0], m[1])), shape=(row, items)) for m in (s, t)]


def solve(square, ridge, right, iterations=12):
    """(square + ridge) z = right by conjugate gradients on the scale of the diagonal; 12 steps end at 1e-4 and below."""
    scale = (1 / np.sqrt(square.diagonal() + ridge)).astype(np.float32)
    a = (sp.diags(scale) @ square @ sp.diags(scale)).tocsr().astype(np.float32)
    rest = right * scale[:, None]
    z, step, size = np.zeros_like(rest), rest.copy(), (rest * rest).sum(0)
    for _ in range(iterations):
        image = a @ step + (ridge * scale * scale)[:, None] * step
        by = size / np.maximum((step * image).sum(0), 1e-30)
        z += by * step
        rest -= by * image
        before, size = size, (rest * rest).sum(0)
        step = rest + size / np.maximum(before, 1e-30) * step
    return z * scale[:, None]


def slist(alpha=0.2, distance=1, ridge=10, recency=30):
    s, t = rows_of_sessions(alpha, distance)
    square, towards = (s.T @ s).tocsr(), (t.T @ s).tocsr()
    start, ranks = time.time(), []
    for first in range(0, len(tests), 512):
        some = tests[first:first + 512]
        right = np.zeros((items, len(some)), np.float32)
        for column, (prefix, _) in enumerate(some):
            for age, i in enumerate(reversed(prefix)):
                right[i, column] += np.exp(-age / recency)
        for (_, target), scores in zip(some, (towards @ solve(square, ridge, right)).T):
            better = np.count_nonzero(scores > scores[target]) + np.count_nonzero(scores[:target] == scores[target])
            ranks.append(better if better < 20 else None)
    report(start, ranks, tool="numpy-slist", alpha=alpha, distance=distance, ridge=ridge, recency=recency)


def own(recency=30):
    start, ranks = time.time(), []
    for prefix, target in tests:
        out = defaultdict(float)
        for age, i in enumerate(reversed(prefix)):
            out[i] += np.exp(-age / recency)
        ranks.append(rank(out, target))
    report(start, ranks, tool="own", recency=recency)


for neighbours, sample in ((100, 1000), (500, 5000)):
    vsknn(neighbours, sample)
slist()
own()
