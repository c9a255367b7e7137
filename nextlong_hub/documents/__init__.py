"""Whole documents as rows: an existing dataset fitted to a length, and rows that others have published.

fit           what `fit` takes, and the recipe behind it
import_rows   what `import` takes: texts, or an MDS folder
mds_folder    an MDS folder ▶ its shards, and the rows of one
tasks         what a worker does to fit documents        import_tasks   … and to import rows
produce       the producer of the kind `documents`       check          what is wrong with a document
"""
