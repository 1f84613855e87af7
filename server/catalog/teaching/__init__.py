"""What a user teaches: kept corrections, how a training goes, what its report says."""
