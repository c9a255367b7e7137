"""Where work runs: typed tasks go in, receipts come out.

base             `Task`, `Receipt` and the `Executor` protocol
paths            which fields of a task are files that it reads or writes
roots            what the files of a run are called on all machines
open             the registry of executors, and `open_executor` by address: `local:8`
inline, local    the executors: this process, or several processes of this machine
ray              the same on a cluster of Ray
array            the same in array jobs, which find their tasks as files
nodes            whether the nodes of a cluster are fit for a run
placed           tasks whose files lie in a storage, for executors on other machines
receipts         receipts on disk: only tasks without a valid one are run
run              `Run`: output folder, workspace, executor and progress of one run, for every stage
workspace        paths of unfinished work below the output folder
progress         the protocol by which stages are reported, and their times
"""
