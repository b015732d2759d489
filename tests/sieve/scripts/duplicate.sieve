require ["duplicate", "variables"];
if duplicate { discard; }
if duplicate :header "X-Event" :handle "events" { discard; }
if duplicate :uniqueid "a ${b} c" :seconds 600 :last { discard; }
if duplicate :header "X-Missing" { discard; }
if duplicate :handle "${b}" :header "X-${b}" { discard; }
