"""What tells the rows of published tables apart."""

PROTECTED = ["wdpa_protected_areas__iucn_cat", "wdpa_protected_area__iucn_cat"]
IDS = {
    "iso": ["iso"],
    "adm1": ["iso", "adm1"],
    "adm2": ["iso", "adm1", "adm2"],
    "wdpa": [f"wdpa_protected_area__{name}" for name in ("id", "name", "iucn_cat", "iso", "status")],
    "geostore": ["geostore__id"],
    "feature": ["feature__id"],
}
