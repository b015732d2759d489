require ["foreverypart", "extracttext", "variables"]; extracttext "a";
