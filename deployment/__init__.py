"""What makes the deployment package: the functions' zips, and what serverless.yml reads of them."""
