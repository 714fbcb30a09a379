"""A small invented world to try datapump on: a region with areas of every kind, and nine days of fires."""
