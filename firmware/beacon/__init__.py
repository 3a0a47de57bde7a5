# The beacon board's app: it needs nobody, and it must be heard.
