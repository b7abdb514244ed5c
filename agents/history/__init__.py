"""What LangGraph's checkpoints tell of a thread's past. Pure: no Django, no LangGraph, no clock.

documents    what stands in a checkpoint, and which nodes are next there
tree         the lanes in which checkpoints of many branches are drawn
ancestry     where two branches part, and the way between two checkpoints
graph_ways   which nodes may run after a node
"""
