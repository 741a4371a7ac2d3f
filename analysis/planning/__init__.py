"""What a study needs: endpoints, power, sample size and sequencing depth."""
