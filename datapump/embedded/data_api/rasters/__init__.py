"""Rasters of the embedded Data API: tile sets, cloud-optimized GeoTIFFs, map tiles, all written only where data is."""
