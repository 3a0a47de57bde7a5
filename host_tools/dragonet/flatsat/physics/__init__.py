"""Physics of the flatsat: orbit, sun, field, attitude, power, temperatures, passes."""
