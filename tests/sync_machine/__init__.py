"""The machine of clones: three clones of one remote, what people and the factory do there, and what must hold."""
