"""JupyterLab around a lesson. It knows nothing of what a stage holds."""
