"""Seconds of an epoch of `implicit`'s ALS and BPR on beauty's training part (all but the last item of each user), for the bars als-epoch, bpr-epoch.

Usage: python factors.py [factors]
Prints one JSON line per method: the best epoch of several, on two threads, as the bars' other side has it.
"""
import json, sys, time
import numpy as np
from ranking import beauty, matrix

THREADS = 2
factors = int(sys.argv[1]) if len(sys.argv) > 1 else 128
tu, ti, eu, ei, _ = beauty()
counts, _ = matrix(*(np.asarray(p) for p in (tu, ti, eu, ei)))
binary = counts.copy(); binary.data[:] = 1


def als():
    from implicit.als import AlternatingLeastSquares
    seconds = []
    model = AlternatingLeastSquares(factors=factors, regularization=0.05, alpha=10, iterations=8, random_state=1, num_threads=THREADS)
    model.fit(binary, show_progress=False, callback=lambda i, s, loss: seconds.append(s))
    return min(seconds)


def bpr():
    # Without a callback that tells an epoch's time: the difference of two runs, so that what comes before and after does not count.
    from implicit.bpr import BayesianPersonalizedRanking
    took = {}
    for n in (5, 105):
        best = []
        for _ in range(3):
            model = BayesianPersonalizedRanking(factors=factors, iterations=n, random_state=1, num_threads=THREADS)
            start = time.perf_counter(); model.fit(binary, show_progress=False); best.append(time.perf_counter() - start)
        took[n] = min(best)
    return (took[105] - took[5]) / 100


for name, run in (("als", als), ("bpr", bpr)):
    print(json.dumps(dict(method=name, factors=factors, pairs=int(binary.nnz), sec_per_epoch=run())), flush=True)
