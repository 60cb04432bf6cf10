"""How good the clusters are, on every labelled set of the data folder."""
