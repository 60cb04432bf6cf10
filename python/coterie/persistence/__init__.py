"""Model folders: fitted estimators on disk without pickle. Loading one never executes code."""

from coterie.persistence._models import can_save, fingerprint, load, load_model, save, save_model

__all__ = ["can_save", "fingerprint", "load", "load_model", "save", "save_model"]
