include "place";
