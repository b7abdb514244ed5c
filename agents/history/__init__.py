"""What LangGraph's checkpoints tell of a thread's past. Pure: no Django, no LangGraph, no clock.

documents    what stands in a checkpoint, and which nodes its channels call
tasks        the tasks of a step, as their writes tell of them
steps        which nodes ran to make a checkpoint, and which follow it
levels       what an agent's description says of its graph and those inside
graph_ways   which nodes may run after a node
tree         the lanes in which the checkpoints of many branches are drawn
ancestry     where two branches part, and the way between two checkpoints
"""
