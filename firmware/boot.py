# Runs before main.py. Nothing to choose yet: slots and their guard come here (DESIGN, "Update").
import gc

gc.collect()
