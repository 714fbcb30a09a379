"""Which module looks for news in which feed."""

from __future__ import annotations

# A feed is one line here. The modules load what they read files with, so each is imported when it is first needed.
SOURCES: dict[str, str] = {
    "viirs": "datapump.sources.fires",
    "modis": "datapump.sources.fires",
    "glad": "datapump.sources.glad",
    "rw_areas": "datapump.sources.areas",
    "integrated_alerts": "datapump.sources.integrated",
}

# What reads the sources of all raster datasets that have a recipe, and no line above.
RASTERS = "datapump.sources.rasters"
