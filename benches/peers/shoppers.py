"""Reference classifiers on online_shoppers: every fifth row of the file (0, 5, 10, ...) is the test set. AUC, AP, log loss, accuracy."""
import os, pathlib, numpy as np, pandas as pd
from sklearn.compose import make_column_transformer as columns
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import accuracy_score, average_precision_score, log_loss, roc_auc_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

DATA = pathlib.Path(os.environ.get("BENCH_DATA") or pathlib.Path(__file__).resolve().parents[2] / "tests/data")
d = pd.read_csv(DATA / "online_shoppers/online_shoppers_intention.csv.gz")
y, x = d.Revenue, d.drop(columns="Revenue"); test = np.arange(len(d)) % 5 == 0
cat = ["Month", "VisitorType", "Weekend", "OperatingSystems", "Browser", "Region", "TrafficType"]
num = [c for c in x if c not in cat]
dense = columns((OneHotEncoder(handle_unknown="ignore"), cat), (StandardScaler(), num))
tree = columns((OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), cat), remainder="passthrough")
for name, model in [("mlp", make_pipeline(dense, MLPClassifier((64, 32), early_stopping=True, random_state=0))),
                    ("gbdt", make_pipeline(tree, HistGradientBoostingClassifier(max_iter=80, learning_rate=.08, random_state=0)))]:
    p = model.fit(x[~test], y[~test]).predict_proba(x[test])[:, 1]; t = y[test]
    print(name, "auc", round(roc_auc_score(t, p), 4), "ap", round(average_precision_score(t, p), 4),
          "logloss", round(log_loss(t, p), 4), "accuracy", round(accuracy_score(t, p > .5), 4))
