redirect ["one@example.org"];
