"""A fault campaign: the real command line, disturbed in every way that we know, and what became of it.

python -m benchmarks.faults                  ten minutes of faults, each with its outcome, and the summary
python -m benchmarks.faults list             the faults, without running them
python -m benchmarks.faults compare A B      two files of results side by side
python -m benchmarks.faults write A          files of results as the table of the documentation

kinds/      the faults, a file a kind: to add a kind is to add a file that defines FAULTS
fault       a fault, and the classes of its outcome
world       what is disturbed: sixty documents, and the folder and the repository that they give undisturbed
trial       one fault in a folder of its own
command     processes of the command line: their end, their output, what they leave behind
oracle      what an end is worth
proxy       HTTP between a client and a Hub, with mischief
under       runs a command under a limit of the system
campaign    which faults are run, in which order, and until when
report      tables
"""
