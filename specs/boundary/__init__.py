"""The trust boundary: what limner is handed is opened here, and programs are started here, nowhere else."""
