"""What makes the embedded deployment whole: the Data API and a sample world."""
