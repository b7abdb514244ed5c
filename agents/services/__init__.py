"""What happens: the only writers of models. One transaction a function; the doors call these."""
