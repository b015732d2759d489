require "ihave";
if allof (ihave "vnd.example.nonsense", nonsense "a") { discard; }
if anyof (not ihave "vnd.example.nonsense", nonsense "a") { keep; }
