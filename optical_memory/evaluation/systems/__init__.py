"""Systems under test: each answers a question about a history within a budget of true tokens; examples/add_a_system.py adds one."""
