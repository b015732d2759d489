require "fileinto"; fileinto "Folder"; fileinto "Folder";
