require "include"; include :personal :global "place";
