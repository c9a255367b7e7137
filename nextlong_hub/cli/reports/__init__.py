"""The printed result of each command.

builds  fits  imports              `build` with its dry run, `fit`, `import`
inspections  pages  stats          `inspect`, `view`, `stats`
cards  verifications  pushes       `card`, `verify`, `push` and `verify hf://…`
exports  doctor                    `export`, `doctor`
wording                            numbers and names as text
"""
