"""V-SKNN (Ludewig & Jannach 2018) in numpy on shop sessions: what comes next after each test prefix.

Usage: python sessions.py [prefixes=5000]      prints hit@20 and MRR@20, and milliseconds a list
The settings are the paper's: 'div' weights of positions, cosine, 100 of the 1,000 latest sessions that share an item, and 500 of 5,000.
"""
import gzip, json, os, sys, time
from collections import defaultdict
from pathlib import Path
import numpy as np

DATA = Path(os.environ.get("BENCH_DATA") or Path(__file__).resolve().parent.parent / "data") / "sessions_tmall"
PREFIXES = int(sys.argv[1]) if len(sys.argv) > 1 else 5000


def lines(name):
    return gzip.open(DATA / name, "rt").read().splitlines()


sessions = [[int(i) for i in l.split()] for l in lines("train.txt.gz")]
tests = [([int(i) for i in a.split()], int(b)) for a, b in (l.split("\t") for l in lines("test.txt.gz")[:: max(1, 25898 // PREFIXES)])]
sets = [sorted(set(s)) for s in sessions]
posting = defaultdict(list)
for n in reversed(range(len(sets))):  # the latest first
    for i in sets[n]:
        posting[i].append(n)


def scores(prefix, neighbours, sample):
    latest_first = list(dict.fromkeys(reversed(prefix)))
    step = {i: 1 / (1 + prefix[::-1].index(i)) for i in latest_first}
    alike, last, candidates = defaultdict(float), {}, set()
    for i in latest_first:
        candidates.update(posting[i][:sample])
    for n in sorted(candidates, reverse=True)[:sample]:
        common = [i for i in latest_first if i in sets[n]]
        alike[n] = sum(step[i] for i in common) / np.sqrt(len(sets[n]))
        last[n] = step[common[0]]
    out = defaultdict(float)
    for n in sorted(alike, key=lambda n: -alike[n])[:neighbours]:
        for i in sets[n]:
            out[i] += alike[n] * last[n]
    return out


for neighbours, sample in ((100, 1000), (500, 5000)):
    hit = mrr = 0.0
    start = time.time()
    for prefix, target in tests:
        out = scores(prefix, neighbours, sample)
        top = sorted(out, key=lambda i: (-out[i], i))[:20]
        if target in top:
            hit += 1
            mrr += 1 / (1 + top.index(target))
    print(json.dumps(dict(tool="numpy-vsknn", neighbours=neighbours, sample=sample, prefixes=len(tests), hit=round(hit / len(tests), 4),
                          mrr=round(mrr / len(tests), 4), ms=round(1000 * (time.time() - start) / len(tests), 2))))
